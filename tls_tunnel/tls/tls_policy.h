// Which versions, suites, groups and signatures we speak: ours, not those of the host's
// openssl.cnf, which other programs share and which may allow anything.
#pragma once

#include <openssl/ssl.h>

#include "efs/base/result.h"
#include "efs/tls/tls_client_context.h"

namespace efs::tls {

// TLS 1.2 and 1.3; forward secret key exchange, AEAD suites and SHA-2 only, unless
// options.ciphers names others. kInvalidInput: OpenSSL knows none of them.
Status applyPolicy(SSL_CTX* context, const TlsOptions& options);

}  // namespace efs::tls
