#include "efs/aws/sigv4.h"

#include <algorithm>
#include <map>
#include <vector>

#include "efs/base/text.h"
#include "efs/crypto/digest.h"

namespace efs::aws {
namespace {

constexpr const char* kAlgorithm = "AWS4-HMAC-SHA256";

bool isUnreserved(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_' || c == '.' || c == '~';
}

// CERT-6: encoded as HTML forms are, blank as "+".
std::string formEncode(std::string_view text) { return replaceAll(uriEncode(text, " "), " ", "+"); }

struct UrlParts {
  std::string host;  // with the port, as the Host header carries it
  std::string path;
  std::string query;
};

Result<UrlParts> splitUrl(const std::string& url) {
  const auto scheme = url.find("://");
  if (scheme == std::string::npos) {
    return Error(ErrorKind::kInvalidInput, "signing a request: not a URL");
  }
  const auto begin = scheme + 3;
  const auto end = std::min(url.find_first_of("/?", begin), url.size());
  UrlParts parts{url.substr(begin, end - begin), "/", ""};
  const auto question = std::min(url.find('?', end), url.size());
  if (question > end) parts.path = url.substr(end, question - end);
  if (question < url.size()) parts.query = url.substr(question + 1);
  // The Host header that libcurl sends leaves out the scheme's own port.
  const std::string port = url.starts_with("https:") ? ":443" : ":80";
  if (parts.host.ends_with(port)) parts.host.resize(parts.host.size() - port.size());
  return parts;
}

std::string canonicalQuery(const std::string& query) {
  if (query.empty()) return query;
  std::vector<std::pair<std::string, std::string>> fields;
  for (const auto& field : split(query, '&')) {
    const auto equals = std::min(field.find('='), field.size());
    fields.emplace_back(field.substr(0, equals),
                        equals < field.size() ? field.substr(equals + 1) : "");
  }
  std::sort(fields.begin(), fields.end());
  std::vector<std::string> texts;
  texts.reserve(fields.size());
  for (const auto& [name, value] : fields) texts.push_back(name + "=" + value);
  return join(texts, "&");
}

// Without outer blanks, and inner runs of blanks as one.
std::string canonicalHeaderValue(std::string_view value) {
  std::string text;
  for (const char c : trim(value)) {
    if (c != ' ' || !text.ends_with(' ')) text += c;
  }
  return text;
}

std::map<std::string, std::string> canonicalHeaders(const http::HttpRequest& request,
                                                    const std::string& host) {
  std::map<std::string, std::string> headers;
  for (const auto& [name, value] : request.headers) {
    // Of a header given more than once: all values, in their order.
    const auto [header, first] = headers.try_emplace(toLower(name), canonicalHeaderValue(value));
    if (!first) header->second += "," + canonicalHeaderValue(value);
  }
  headers.try_emplace("host", host);
  return headers;
}

Result<std::string> hashHex(std::string_view text) {
  EFS_TRY(digest, crypto::sha256(text));
  return hex(digest);
}

}  // namespace

std::string uriEncode(std::string_view text, std::string_view also_safe) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    if (isUnreserved(c) || also_safe.find(c) != std::string_view::npos) {
      encoded += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    encoded += '%';
    encoded += kDigits[byte >> 4U];
    encoded += kDigits[byte & 0xFU];
  }
  return encoded;
}

std::string SigningScope::date() const { return utcText(time, "%Y%m%d"); }

std::string SigningScope::dateTime() const { return utcText(time, "%Y%m%dT%H%M%SZ"); }

std::string SigningScope::text() const {
  return date() + "/" + region + "/" + service + "/aws4_request";
}

Result<Secret> deriveSigningKey(const Secret& secret_access_key, const SigningScope& scope) {
  Secret key("AWS4" + std::string(secret_access_key.reveal()));
  const std::vector<std::string> steps{scope.date(), scope.region, scope.service, "aws4_request"};
  for (const auto& step : steps) {
    EFS_TRY(next, crypto::hmacSha256(key.reveal(), step));
    key = Secret(std::move(next));
  }
  return key;
}

Result<Signature> signCanonicalRequest(std::string canonical_request,
                                       const Secret& secret_access_key, const SigningScope& scope) {
  EFS_TRY(hash, hashHex(canonical_request));
  EFS_TRY(key, deriveSigningKey(secret_access_key, scope));
  Signature signature;
  signature.canonical_request = std::move(canonical_request);
  signature.string_to_sign =
      std::string(kAlgorithm) + "\n" + scope.dateTime() + "\n" + scope.text() + "\n" + hash;
  EFS_TRY(bytes, crypto::hmacSha256(key.reveal(), signature.string_to_sign));
  signature.hex = hex(bytes);
  return signature;
}

Result<Signature> signConnect(std::string_view public_key_sha1, std::string_view fs_id,
                              const Credentials& credentials, const SigningScope& scope) {
  EFS_TRY(empty_hash, hashHex(""));
  // Sorted by name (CERT-6).
  std::string query = "Action=Connect&PublicKeyHash=" + std::string(public_key_sha1) +
                      "&X-Amz-Algorithm=" + kAlgorithm + "&X-Amz-Credential=" +
                      formEncode(credentials.access_key_id + "/" + scope.text()) +
                      "&X-Amz-Date=" + scope.dateTime() + "&X-Amz-Expires=86400";
  if (credentials.session_token && !credentials.session_token->empty()) {
    query += "&X-Amz-Security-Token=" + formEncode(credentials.session_token->reveal());
  }
  query += "&X-Amz-SignedHeaders=host";
  // CERT-5: no empty line between the headers and their names, unlike the standard form.
  std::string request =
      "GET\n/\n" + query + "\nhost:" + std::string(fs_id) + "\nhost\n" + empty_hash;
  return signCanonicalRequest(std::move(request), credentials.secret_access_key, scope);
}

Result<Signature> signRequest(http::HttpRequest& request, const Credentials& credentials,
                              const SigningScope& scope) {
  EFS_TRY(url, splitUrl(request.url));
  request.headers.emplace_back("X-Amz-Date", scope.dateTime());
  if (credentials.session_token && !credentials.session_token->empty()) {
    request.headers.emplace_back("X-Amz-Security-Token", credentials.session_token->reveal());
  }
  std::vector<std::string> names;
  std::string header_lines;
  for (const auto& [name, value] : canonicalHeaders(request, url.host)) {
    names.push_back(name);
    header_lines += name + ":" + value + "\n";
  }
  EFS_TRY(body_hash, hashHex(request.body));
  const std::string signed_headers = join(names, ";");
  // All services but S3 want the path encoded once more on top of the URL's own encoding.
  EFS_TRY(signature, signCanonicalRequest(request.method + "\n" + uriEncode(url.path, "/") + "\n" +
                                              canonicalQuery(url.query) + "\n" + header_lines +
                                              "\n" + signed_headers + "\n" + body_hash,
                                          credentials.secret_access_key, scope));
  request.headers.emplace_back(
      "Authorization", std::string(kAlgorithm) + " Credential=" + credentials.access_key_id + "/" +
                           scope.text() + ", SignedHeaders=" + signed_headers +
                           ", Signature=" + signature.hex);
  return signature;
}

}  // namespace efs::aws
