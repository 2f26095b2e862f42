#include "sigv4_check.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>

#include "efs/base/text.h"

namespace efs::simulator {
namespace {

const unsigned char* octets(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

std::string digest(const EVP_MD* algorithm, std::string_view bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> out{};
  unsigned length = 0;
  EVP_Digest(bytes.data(), bytes.size(), out.data(), &length, algorithm, nullptr);
  return {reinterpret_cast<const char*>(out.data()), length};
}

// Python's urllib.parse.quote_plus, which the upstream client uses (CERT-6).
std::string quotePlus(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '_' || c == '.' || c == '-' || c == '~';
    if (plain) {
      out += c;
    } else if (c == ' ') {
      out += '+';
    } else {
      out += '%';
      out += kDigits[byte >> 4U];
      out += kDigits[byte & 0xfU];
    }
  }
  return out;
}

std::string scopeOf(const SignedFacts& facts) {
  return utcText(facts.time, "%Y%m%d") + "/" + facts.region + "/" + facts.service + "/aws4_request";
}

std::string timeOf(const SignedFacts& facts) { return utcText(facts.time, "%Y%m%dT%H%M%SZ"); }

}  // namespace

std::string sha256Hex(std::string_view bytes) { return hex(digest(EVP_sha256(), bytes)); }
std::string sha1(std::string_view bytes) { return digest(EVP_sha1(), bytes); }

std::string hmacSha256(std::string_view key, std::string_view message) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> out{};
  unsigned length = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), octets(message), message.size(),
       out.data(), &length);
  return {reinterpret_cast<const char*>(out.data()), length};
}

std::string signingKey(std::string_view secret_access_key, const std::string& date,
                       const std::string& region, const std::string& service) {
  std::string key = hmacSha256("AWS4" + std::string(secret_access_key), date);
  key = hmacSha256(key, region);
  key = hmacSha256(key, service);
  return hmacSha256(key, "aws4_request");
}

std::string canonicalRequest(const SignedFacts& facts) {
  std::string query = "Action=Connect&PublicKeyHash=" + facts.public_key_sha1 +
                      "&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=" +
                      quotePlus(facts.access_key_id + "/" + scopeOf(facts)) +
                      "&X-Amz-Date=" + timeOf(facts) + "&X-Amz-Expires=86400";
  if (facts.session_token) query += "&X-Amz-Security-Token=" + quotePlus(*facts.session_token);
  query += "&X-Amz-SignedHeaders=host";
  // No blank line between the headers and their names: CERT-5.
  return "GET\n/\n" + query + "\nhost:" + facts.file_system_id + "\nhost\n" + sha256Hex("");
}

std::string stringToSign(const SignedFacts& facts) {
  return "AWS4-HMAC-SHA256\n" + timeOf(facts) + "\n" + scopeOf(facts) + "\n" +
         sha256Hex(canonicalRequest(facts));
}

std::string expectedSignature(const SignedFacts& facts, std::string_view secret_access_key) {
  const std::string key =
      signingKey(secret_access_key, utcText(facts.time, "%Y%m%d"), facts.region, facts.service);
  return hex(hmacSha256(key, stringToSign(facts)));
}

}  // namespace efs::simulator
