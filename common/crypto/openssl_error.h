// Turning OpenSSL's error queue into our Error, and owners for the OpenSSL types used here.
#pragma once

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <memory>
#include <string_view>

#include "efs/base/error.h"
#include "efs/base/freed_by.h"

namespace efs::crypto {

// "<what>: <reason>; <reason>"; empties the queue, so that no later error reports an old reason.
Error opensslError(std::string_view what, ErrorKind kind = ErrorKind::kInternal);

using BioPtr = std::unique_ptr<BIO, FreedBy<BIO_free_all>>;
using PkeyPtr = std::unique_ptr<EVP_PKEY, FreedBy<EVP_PKEY_free>>;
using X509Ptr = std::unique_ptr<X509, FreedBy<X509_free>>;

// A read-only BIO over the text, which must outlive it; null when out of memory or text too long.
BioPtr textBio(std::string_view text);

}  // namespace efs::crypto
