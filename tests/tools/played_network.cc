#include "played_network.h"

#include <algorithm>
#include <cctype>
#include <string>
#include <string_view>

#include "efs/base/text.h"

namespace efs::test {
namespace {

using nlohmann::json;

constexpr const char* kEnd = "2100-01-02T03:04:05Z";
constexpr std::int64_t kEndSeconds = 4102542245;

std::string keyOf(std::string name) {
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return name + "KEY";
}

// The value of a field of a form or query, still encoded; empty when absent.
std::string field(std::string_view form, std::string_view name) {
  for (const auto& pair : split(form, '&')) {
    if (pair.starts_with(std::string(name) + "=")) return pair.substr(name.size() + 1);
  }
  return {};
}

// "arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fx": "x".
std::string roleOf(const std::string& encoded_arn) {
  const auto slash = encoded_arn.rfind("%2F");
  return slash == std::string::npos ? encoded_arn : encoded_arn.substr(slash + 3);
}

json document(const std::string& name) {
  return {{"Code", "Success"},
          {"AccessKeyId", keyOf(name)},
          {"SecretAccessKey", "secret-" + name},
          {"Token", "token-" + name},
          {"Expiration", kEnd}};
}

std::string stsAnswer(const std::string& action, const std::string& role) {
  const json values{{"AccessKeyId", keyOf(role)},
                    {"SecretAccessKey", "secret-" + role},
                    {"SessionToken", "token-" + role},
                    {"Expiration", kEndSeconds}};
  const json result{{"Credentials", values},
                    {"AssumedRoleUser", {{"Arn", "arn:aws:sts::1:assumed-role/" + role + "/x"}}}};
  return json{{action + "Response", {{action + "Result", result}}}}.dump();
}

std::string ssoAnswer(const std::string& role) {
  return json{{"roleCredentials",
               {{"accessKeyId", keyOf(role)},
                {"secretAccessKey", "secret-" + role},
                {"sessionToken", "token-" + role},
                {"expiration", kEndSeconds * 1000}}}}
      .dump();
}

std::string metadataAnswer(std::string_view path) {
  if (path.ends_with("/api/token")) return "TOKEN";
  if (path.ends_with("/security-credentials/")) return "imds";
  return document("imds").dump();
}

http::HttpReply answer(const http::HttpRequest& request) {
  const auto scheme_end = request.url.find("://") + 3;
  const std::string rest =
      request.url.substr(std::min(request.url.find('/', scheme_end), request.url.size()));
  const auto question = std::min(rest.find('?'), rest.size());
  const std::string path = rest.substr(0, question);
  const std::string form =
      request.body.empty() ? rest.substr(std::min(question + 1, rest.size())) : request.body;
  if (path.starts_with("/latest/meta-data/iam/info")) return {404, ""};
  if (path.starts_with("/latest/")) return {200, metadataAnswer(path)};
  if (const auto action = field(form, "Action"); !action.empty()) {
    return {200, stsAnswer(action, roleOf(field(form, "RoleArn")))};
  }
  if (path.ends_with("/federation/credentials")) return {200, ssoAnswer(field(form, "role_name"))};
  if (path.ends_with("/token")) {
    return {200,
            json{{"accessToken", "fresh"}, {"expiresIn", 3600}, {"refreshToken", "next"}}.dump()};
  }
  return {200, document("container").dump()};
}

}  // namespace

Result<http::HttpReply> PlayedNetwork::send(const http::HttpRequest& request) const {
  const std::lock_guard<std::mutex> guard(mutex_);
  json headers = json::object();
  for (const auto& [name, value] : request.headers) headers[toLower(name)] = value;
  requests_.push_back({{"method", request.method},
                       {"url", request.url},
                       {"headers", headers},
                       {"body", request.body},
                       {"ca_bundle", request.ca_bundle},
                       {"direct", request.direct}});
  return answer(request);
}

json PlayedNetwork::requests() const {
  const std::lock_guard<std::mutex> guard(mutex_);
  return requests_;
}

}  // namespace efs::test
