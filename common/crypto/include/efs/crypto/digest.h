// Digests and HMAC as raw bytes. They fail only when the system's OpenSSL is misconfigured (for
// example a FIPS provider that is named in openssl.cnf but absent), and then say so.
#pragma once

#include <string>
#include <string_view>

#include "efs/base/result.h"

namespace efs::crypto {

// 20 bytes.
Result<std::string> sha1(std::string_view bytes);
// 32 bytes.
Result<std::string> sha256(std::string_view bytes);
// 32 bytes (RFC 2104 with SHA-256).
Result<std::string> hmacSha256(std::string_view key, std::string_view bytes);

}  // namespace efs::crypto
