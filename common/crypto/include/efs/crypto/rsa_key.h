// RsaKey: an RSA private key behind OpenSSL's door; no OpenSSL type leaves this library's headers.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "efs/base/result.h"
#include "efs/base/secret.h"

namespace efs::crypto {

class RsaKey {
 public:
  static Result<RsaKey> generate(int bits);
  // PKCS#8 or PKCS#1. A pass phrase is never asked for: an encrypted key is kInvalidInput.
  static Result<RsaKey> fromPem(std::string_view pem);
  RsaKey(RsaKey&&) noexcept;
  RsaKey& operator=(RsaKey&&) noexcept;
  ~RsaKey();

  Result<Secret> toPem() const;  // PKCS#8
  // Lower-case hex SHA-1 of the public key's bit string: subject key id and PublicKeyHash (CERT-2,
  // CERT-6).
  const std::string& publicKeySha1() const;

  struct Handle;  // only for the sources of this library
  const Handle& handle() const { return *handle_; }

 private:
  explicit RsaKey(std::unique_ptr<Handle> handle);
  std::unique_ptr<Handle> handle_;
};

}  // namespace efs::crypto
