// What RsaKey holds; shared by the sources of this library.
#pragma once

#include <string>

#include "efs/crypto/rsa_key.h"
#include "openssl_error.h"

namespace efs::crypto {

struct RsaKey::Handle {
  PkeyPtr key;
  std::string public_key_sha1;
};

// Lower-case hex SHA-1 of the content of the public key's BIT STRING.
Result<std::string> publicKeyHash(EVP_PKEY* key);

}  // namespace efs::crypto
