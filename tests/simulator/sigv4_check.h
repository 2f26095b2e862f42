// The signature that a client certificate must carry (contract CERT-4 ... CERT-6), computed here
// anew and independently of the product's signer.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "efs/base/clock.h"

namespace efs::simulator {

struct SignedFacts {
  std::string public_key_sha1;  // 40 lower-case hexadecimal digits
  std::string access_key_id;
  std::optional<std::string> session_token;
  std::string file_system_id;
  std::string region;
  std::string service = "elasticfilesystem";
  WallTime time;
};

std::string canonicalRequest(const SignedFacts& facts);
std::string stringToSign(const SignedFacts& facts);
// 64 lower-case hexadecimal digits.
std::string expectedSignature(const SignedFacts& facts, std::string_view secret_access_key);
// For requests of other kinds: the day's key (raw bytes) and HMAC-SHA256 (raw bytes).
std::string signingKey(std::string_view secret_access_key, const std::string& date,
                       const std::string& region, const std::string& service);
std::string hmacSha256(std::string_view key, std::string_view message);
std::string sha256Hex(std::string_view bytes);
// Raw 20 bytes.
std::string sha1(std::string_view bytes);

}  // namespace efs::simulator
