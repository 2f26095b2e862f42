#include "sts_signature.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <ctime>
#include <vector>

#include "efs/base/text.h"
#include "sigv4_check.h"

namespace efs::simulator {
namespace {

std::string mac(std::string_view key, std::string_view message) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> out{};
  unsigned length = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(message.data()), message.size(), out.data(), &length);
  return {reinterpret_cast<const char*>(out.data()), length};
}

struct Authorization {
  std::vector<std::string> scope;  // key id, date, region, service, "aws4_request"
  std::vector<std::string> signed_headers;
  std::string signature;
};

std::optional<Authorization> parseAuthorization(std::string_view text) {
  constexpr std::string_view kScheme = "AWS4-HMAC-SHA256 ";
  if (!text.starts_with(kScheme)) return std::nullopt;
  Authorization parsed;
  for (const auto& part : split(text.substr(kScheme.size()), ',')) {
    const std::string_view field = trim(part);
    const auto equals = std::min(field.find('='), field.size());
    const std::string_view name = field.substr(0, equals);
    const std::string_view value = field.substr(std::min(equals + 1, field.size()));
    if (name == "Credential") parsed.scope = split(value, '/');
    if (name == "SignedHeaders") parsed.signed_headers = split(value, ';');
    if (name == "Signature") parsed.signature = value;
  }
  const bool complete = parsed.scope.size() == 5 && parsed.scope[4] == "aws4_request" &&
                        !parsed.signed_headers.empty() && parsed.signature.size() == 64;
  return complete ? std::optional(parsed) : std::nullopt;
}

// STS is only ever asked at "/" without a query when the request is signed.
std::string canonicalRequest(const EndpointRequest& request, const Authorization& parsed) {
  std::string text = request.method + "\n/\n\n";
  for (const auto& name : parsed.signed_headers) text += name + ":" + request.header(name) + "\n";
  return text + "\n" + join(parsed.signed_headers, ";") + "\n" + sha256Hex(request.body);
}

std::string expected(const EndpointRequest& request, const Authorization& parsed,
                     const std::string& secret) {
  std::string key = "AWS4" + secret;
  for (std::size_t i = 1; i < parsed.scope.size(); ++i) key = mac(key, parsed.scope[i]);
  const std::vector<std::string> scope(parsed.scope.begin() + 1, parsed.scope.end());
  return hex(mac(key, "AWS4-HMAC-SHA256\n" + request.header("x-amz-date") + "\n" +
                          join(scope, "/") + "\n" + sha256Hex(canonicalRequest(request, parsed))));
}

bool inTime(const std::string& date, const World& world) {
  std::tm parts{};
  const char* end = strptime(date.c_str(), "%Y%m%dT%H%M%SZ", &parts);
  if (end == nullptr || *end != '\0' || date.size() != 16) return false;
  const auto now = std::chrono::system_clock::to_time_t(world.now());
  return std::abs(static_cast<std::int64_t>(timegm(&parts)) - static_cast<std::int64_t>(now)) <=
         world.config().max_skew_sec;
}

// What must be covered: the host, every X-Amz- header, the kind of body; in order, once.
bool coversEnough(const EndpointRequest& request, const std::vector<std::string>& names) {
  if (!std::is_sorted(names.begin(), names.end())) return false;
  const auto covered = [&](const std::string& name) {
    return std::count(names.begin(), names.end(), name) == 1;
  };
  for (const auto& [name, value] : request.headers) {
    const bool must = name == "host" || name == "content-type" || name.starts_with("x-amz-");
    if (must && !covered(name)) return false;
  }
  return covered("host") && covered("x-amz-date");
}

}  // namespace

std::optional<StsRefusal> refuseSignature(const EndpointRequest& request, const World& world) {
  const auto parsed = parseAuthorization(request.header("authorization"));
  if (!parsed) return StsRefusal{403, "MissingAuthenticationToken", "Request is missing a token"};
  const auto identity = world.identityOfKey(parsed->scope[0]);
  if (!identity || request.header("x-amz-security-token") != identity->session_token.value_or("")) {
    return StsRefusal{403, "InvalidClientTokenId",
                      "The security token included in the request is invalid."};
  }
  const std::string date = request.header("x-amz-date");
  if (parsed->scope[1] != date.substr(0, 8) || parsed->scope[2] != world.config().region ||
      parsed->scope[3] != "sts") {
    return StsRefusal{403, "SignatureDoesNotMatch", "Credential should be scoped to sts"};
  }
  if (!inTime(date, world)) {
    return StsRefusal{403, "SignatureDoesNotMatch", "Signature expired: " + printable(date, 20)};
  }
  if (!request.query.empty() || !coversEnough(request, parsed->signed_headers) ||
      expected(request, *parsed, identity->secret_access_key) != parsed->signature) {
    return StsRefusal{403, "SignatureDoesNotMatch",
                      "The request signature we calculated does not match the signature you "
                      "provided."};
  }
  return std::nullopt;
}

}  // namespace efs::simulator
