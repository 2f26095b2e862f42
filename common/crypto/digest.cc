#include "efs/crypto/digest.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <limits>

#include "openssl_error.h"

namespace efs::crypto {
namespace {

using Buffer = std::array<unsigned char, EVP_MAX_MD_SIZE>;

std::string toBytes(const Buffer& buffer, unsigned size) {
  return {reinterpret_cast<const char*>(buffer.data()), size};
}

Result<std::string> digest(const EVP_MD* algorithm, const char* name, std::string_view bytes) {
  Buffer buffer{};
  unsigned size = 0;
  if (EVP_Digest(bytes.data(), bytes.size(), buffer.data(), &size, algorithm, nullptr) != 1) {
    return opensslError(std::string("computing ") + name);
  }
  return toBytes(buffer, size);
}

}  // namespace

Result<std::string> sha1(std::string_view bytes) { return digest(EVP_sha1(), "SHA-1", bytes); }

Result<std::string> sha256(std::string_view bytes) {
  return digest(EVP_sha256(), "SHA-256", bytes);
}

Result<std::string> hmacSha256(std::string_view key, std::string_view bytes) {
  if (key.size() > static_cast<std::size_t>(std::numeric_limits<int>::max())) {
    return Error(ErrorKind::kInvalidInput, "computing HMAC-SHA-256: the key is too long");
  }
  Buffer buffer{};
  unsigned size = 0;
  // HMAC() takes a null key for "the key used before"; an empty key needs an address.
  const char* key_bytes = key.empty() ? "" : key.data();
  if (HMAC(EVP_sha256(), key_bytes, static_cast<int>(key.size()),
           reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), buffer.data(),
           &size) == nullptr) {
    return opensslError("computing HMAC-SHA-256");
  }
  return toBytes(buffer, size);
}

}  // namespace efs::crypto
