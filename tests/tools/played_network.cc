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

// {"omit": [name], "set": {name: value}}.
json changed(json object, const json& change) {
  for (const auto& name : change.value("omit", json::array())) object.erase(std::string(name));
  object.update(change.value("set", json::object()));
  return object;
}

std::string stsAnswer(const std::string& action, const std::string& role, const json& change) {
  const json values = changed({{"AccessKeyId", keyOf(role)},
                               {"SecretAccessKey", "secret-" + role},
                               {"SessionToken", "token-" + role},
                               {"Expiration", kEndSeconds}},
                              change);
  const json result{{"Credentials", values},
                    {"AssumedRoleUser", {{"Arn", "arn:aws:sts::1:assumed-role/" + role + "/x"}}}};
  return json{{action + "Response", {{action + "Result", result}}}}.dump();
}

std::string ssoAnswer(const std::string& role, const json& change) {
  return json{{"roleCredentials", changed({{"accessKeyId", keyOf(role)},
                                           {"secretAccessKey", "secret-" + role},
                                           {"sessionToken", "token-" + role},
                                           {"expiration", kEndSeconds * 1000}},
                                          change)}}
      .dump();
}

// The parts of a request by which it is answered.
struct Question {
  std::string path;
  std::string form;
  std::string action = field(form, "Action");
};

Question questionOf(const http::HttpRequest& request) {
  const auto scheme_end = request.url.find("://") + 3;
  const std::string rest =
      request.url.substr(std::min(request.url.find('/', scheme_end), request.url.size()));
  const auto question = std::min(rest.find('?'), rest.size());
  return {rest.substr(0, question),
          request.body.empty() ? rest.substr(std::min(question + 1, rest.size())) : request.body};
}

// Of `answers`; empty for what always succeeds.
std::string endpointOf(const Question& asked) {
  if (asked.path.starts_with("/latest/meta-data/iam/info")) return "imds_info";
  if (asked.path.starts_with("/latest/")) {
    if (asked.path.ends_with("/api/token")) return "imds_token";
    return asked.path.ends_with("/security-credentials/") ? "imds_role" : "imds_keys";
  }
  if (!asked.action.empty()) return "sts";
  if (asked.path.ends_with("/federation/credentials")) return "sso";
  if (asked.path.ends_with("/mount-targets")) return "efs";
  return asked.path.ends_with("/token") ? "oidc" : "container";
}

std::string refusal(const std::string& endpoint, const json& change) {
  const std::string code = change.value("code", "");
  if (endpoint == "sts") return json{{"Error", {{"Code", code}, {"Message", "refused"}}}}.dump();
  return json{{endpoint == "oidc" ? "error" : "code", code}, {"message", "refused"}}.dump();
}

std::string document(const std::string& endpoint, const Question& asked, const json& change) {
  if (endpoint == "imds_token") return "TOKEN";
  if (endpoint == "imds_role") return "imds";
  if (endpoint == "imds_keys") return changed(document("imds"), change).dump();
  if (endpoint == "efs") return R"({"MountTargets": []})";
  if (endpoint == "sts") {
    return stsAnswer(asked.action, roleOf(field(asked.form, "RoleArn")), change);
  }
  if (endpoint == "sso") return ssoAnswer(field(asked.form, "role_name"), change);
  if (endpoint == "oidc") {
    return changed({{"accessToken", "fresh"}, {"expiresIn", 3600}, {"refreshToken", "next"}},
                   change)
        .dump();
  }
  return changed(document("container"), change).dump();
}

http::HttpReply answer(const Question& asked, const std::string& endpoint, const json& change) {
  const int status = change.value("status", endpoint == "imds_info" ? 404 : 200);
  if (change.contains("body")) return {status, change.at("body").get<std::string>()};
  if (status != 200) return {status, refusal(endpoint, change)};
  return {status, document(endpoint, asked, change)};
}

}  // namespace

json PlayedNetwork::changeOf(const std::string& endpoint) const {
  json change = answers_.value(endpoint, json::object());
  if (!change.contains("first")) return change;
  return ++asked_[endpoint] <= change.at("times").get<int>() ? change.at("first") : json::object();
}

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
  const Question asked = questionOf(request);
  const std::string endpoint = endpointOf(asked);
  return answer(asked, endpoint, changeOf(endpoint));
}

json PlayedNetwork::requests() const {
  const std::lock_guard<std::mutex> guard(mutex_);
  return requests_;
}

}  // namespace efs::test
