#include "request_signature.h"

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <vector>

#include "efs/base/text.h"
#include "sigv4_check.h"

namespace efs::simulator {
namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";

struct Authorization {
  std::string access_key_id, date, region, service;
  std::vector<std::string> signed_headers;
  std::string signature;
};

// "AWS4-HMAC-SHA256 Credential=AKID/20260101/us-east-1/svc/aws4_request, SignedHeaders=a;b, ..."
std::optional<Authorization> parseAuthorization(const std::string& text) {
  if (!text.starts_with(std::string(kAlgorithm) + " ")) return std::nullopt;
  std::map<std::string, std::string> fields;
  for (const auto& part : split(text.substr(kAlgorithm.size() + 1), ',')) {
    const std::string field(trim(part));
    const auto equals = field.find('=');
    if (equals == std::string::npos) return std::nullopt;
    fields[field.substr(0, equals)] = field.substr(equals + 1);
  }
  const auto scope = split(fields["Credential"], '/');
  if (scope.size() != 5 || scope[4] != "aws4_request") return std::nullopt;
  return Authorization{
      scope[0],           scope[1], scope[2], scope[3], split(fields["SignedHeaders"], ';'),
      fields["Signature"]};
}

std::string percentEncode(std::string_view text, std::string_view also_safe) {
  constexpr std::string_view kSafe =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~";
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const bool safe =
        kSafe.find(c) != std::string_view::npos || also_safe.find(c) != std::string_view::npos;
    if (safe) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += kDigits[byte >> 4U];
    out += kDigits[byte & 0xfU];
  }
  return out;
}

std::string canonicalQuery(const std::string& query) {
  if (query.empty()) return {};
  std::vector<std::pair<std::string, std::string>> pairs;
  for (const auto& pair : split(query, '&')) {
    const auto equals = pair.find('=');
    const std::string value = equals == std::string::npos ? "" : pair.substr(equals + 1);
    pairs.emplace_back(percentEncode(percentDecode(pair.substr(0, equals)), ""),
                       percentEncode(percentDecode(value), ""));
  }
  std::sort(pairs.begin(), pairs.end());
  std::vector<std::string> out;
  for (const auto& [name, value] : pairs) out.push_back(name + "=" + value);
  return join(out, "&");
}

std::string canonicalRequest(const ApiRequest& request, const Authorization& given) {
  std::string headers;
  for (const auto& name : given.signed_headers) {
    headers += name + ":" + request.header(name) + "\n";
  }
  return request.method + "\n" + percentEncode(request.path, "/") + "\n" +
         canonicalQuery(request.query) + "\n" + headers + "\n" + join(given.signed_headers, ";") +
         "\n" + sha256Hex(request.body);
}

std::optional<WallTime> parseTime(const std::string& text) {
  std::tm parts{};
  const char* end = strptime(text.c_str(), "%Y%m%dT%H%M%SZ", &parts);
  if (end == nullptr || *end != '\0') return std::nullopt;
  return std::chrono::system_clock::from_time_t(timegm(&parts));
}

std::optional<SignatureRefusal> checkScope(const ApiRequest& request, const World& world,
                                           const std::string& service, const Authorization& given) {
  if (given.region != world.config().region || given.service != service) {
    return SignatureRefusal{
        "InvalidSignatureException",
        "Credential should be scoped to a valid region and to service '" + service + "'"};
  }
  const std::string date = request.header("x-amz-date");
  const auto time = parseTime(date);
  if (!time || date.substr(0, 8) != given.date) {
    return SignatureRefusal{"IncompleteSignature", "X-Amz-Date does not fit the scope"};
  }
  const auto skew = std::chrono::duration_cast<std::chrono::seconds>(world.now() - *time).count();
  if (std::abs(skew) > 300) {
    return SignatureRefusal{"InvalidSignatureException",
                            "Signature expired: " + date + " is not within 5 minutes of " +
                                utcText(world.now(), "%Y%m%dT%H%M%SZ")};
  }
  return std::nullopt;
}

std::optional<SignatureRefusal> checkSignedHeaders(const ApiRequest& request,
                                                   const Authorization& given) {
  const auto is_signed = [&](const std::string& name) {
    return std::find(given.signed_headers.begin(), given.signed_headers.end(), name) !=
           given.signed_headers.end();
  };
  if (!std::is_sorted(given.signed_headers.begin(), given.signed_headers.end())) {
    return SignatureRefusal{"IncompleteSignature", "SignedHeaders is not sorted"};
  }
  for (const auto& [name, value] : request.headers) {
    const bool needed = name == "host" || name == "content-type" || name.starts_with("x-amz-");
    if (needed && !is_signed(name)) {
      return SignatureRefusal{"AccessDeniedException",
                              "There were headers present which were not signed: " + name};
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<SignatureRefusal> checkSignature(const ApiRequest& request, const World& world,
                                               const std::string& service) {
  const std::string text = request.header("authorization");
  if (text.empty()) return SignatureRefusal{"MissingAuthenticationToken", "no Authorization"};
  const auto given = parseAuthorization(text);
  if (!given) return SignatureRefusal{"IncompleteSignature", "Authorization is malformed"};
  if (auto refusal = checkScope(request, world, service, *given)) return refusal;
  if (auto refusal = checkSignedHeaders(request, *given)) return refusal;
  const auto identity = world.identityOfKey(given->access_key_id);
  const std::string token = request.header("x-amz-security-token");
  if (!identity || token != identity->session_token.value_or("")) {
    return SignatureRefusal{"UnrecognizedClientException",
                            "The security token included in the request is invalid."};
  }
  const std::string to_sign = std::string(kAlgorithm) + "\n" + request.header("x-amz-date") + "\n" +
                              given->date + "/" + given->region + "/" + given->service +
                              "/aws4_request\n" + sha256Hex(canonicalRequest(request, *given));
  const std::string key =
      signingKey(identity->secret_access_key, given->date, given->region, given->service);
  if (hex(hmacSha256(key, to_sign)) == given->signature) return std::nullopt;
  return SignatureRefusal{"InvalidSignatureException",
                          "The request signature we calculated does not match the signature you "
                          "provided."};
}

}  // namespace efs::simulator
