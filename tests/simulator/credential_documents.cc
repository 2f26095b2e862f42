// The answers of the ECS agent, of EKS Pod Identity, of the portal and the token service of IAM
// Identity Center.
#include <nlohmann/json.hpp>

#include "credential_endpoints.h"
#include "efs/base/text.h"

namespace efs::simulator {
namespace {

using nlohmann::json;

constexpr auto kLifetime = std::chrono::hours(6);

EndpointReply failure(int status, const std::string& message) {
  return {status, "application/json", json{{"message", message}}.dump()};
}

std::string containerDocument(const Identity& identity, const World& world) {
  return json{{"RoleArn", identity.arn},
              {"AccessKeyId", identity.access_key_id},
              {"SecretAccessKey", identity.secret_access_key},
              {"Token", identity.session_token.value_or("")},
              {"Expiration", utcText(world.now() + kLifetime, "%Y-%m-%dT%H:%M:%SZ")}}
      .dump();
}

int hexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool decode(std::string_view text, std::string& out) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i] == '+' ? ' ' : text[i];
      continue;
    }
    if (text.size() - i < 3) return false;
    const int high = hexDigit(text[i + 1]);
    const int low = hexDigit(text[i + 2]);
    if (high < 0 || low < 0) return false;
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return true;
}

}  // namespace

std::map<std::string, std::string> decodeForm(std::string_view form) {
  std::map<std::string, std::string> fields;
  for (const auto& field : split(form, '&')) {
    const auto equals = field.find('=');
    std::string name;
    std::string value;
    const bool good = equals != std::string::npos && decode(field.substr(0, equals), name) &&
                      decode(field.substr(equals + 1), value);
    if (!good || !fields.emplace(name, value).second) return {};
  }
  return fields;
}

EndpointReply answerContainer(const EndpointRequest& request, const World& world) {
  if (request.method != "GET") return failure(405, "GET only");
  const auto slash = request.path.rfind('/');
  const auto identity = world.identityOfRole(request.path.substr(slash + 1));
  if (!identity) return failure(404, "no such credentials");
  return {200, "application/json", containerDocument(*identity, world)};
}

EndpointReply answerPodIdentity(const EndpointRequest& request, const World& world) {
  const auto& settings = *world.config().credentials;
  if (request.method != "GET") return failure(405, "GET only");
  if (request.header("authorization") != settings.pod_token) {
    return failure(401, "the token is not that of this pod");
  }
  const auto identity = world.identityOfRole(settings.pod_role);
  if (!identity) return failure(404, "the pod has no role");
  return {200, "application/json", containerDocument(*identity, world)};
}

EndpointReply answerSso(const EndpointRequest& request, const World& world) {
  if (request.method != "GET") return failure(405, "GET only");
  if (request.header("x-amz-sso_bearer_token") != world.config().credentials->sso_token) {
    return {
        401, "application/json",
        json{{"__type", "UnauthorizedException"}, {"message", "Session token not found or invalid"}}
            .dump()};
  }
  auto fields = decodeForm(request.query);
  const auto identity = world.identityOfRole(fields["role_name"]);
  if (!identity || fields["account_id"] != "123456789012" || fields.size() != 2) {
    return {403, "application/json",
            json{{"__type", "ForbiddenException"}, {"message", "No access"}}.dump()};
  }
  const auto ends = std::chrono::duration_cast<std::chrono::milliseconds>(
      (world.now() + kLifetime).time_since_epoch());
  const json values{{"accessKeyId", identity->access_key_id},
                    {"secretAccessKey", identity->secret_access_key},
                    {"sessionToken", identity->session_token.value_or("")},
                    {"expiration", ends.count()}};
  return {200, "application/json", json{{"roleCredentials", values}}.dump()};
}

EndpointReply answerOidc(const EndpointRequest& request, const World& world) {
  const auto& settings = *world.config().credentials;
  const auto refuse = [](const char* code, const char* text) {
    return EndpointReply{400, "application/json",
                         json{{"error", code}, {"error_description", text}}.dump()};
  };
  if (request.method != "POST") return failure(405, "POST only");
  const json body = json::parse(request.body, nullptr, false);
  if (!body.is_object() || request.header("content-type") != "application/json" ||
      body.size() != 4 || body.value("clientId", "").empty() ||
      body.value("clientSecret", "").empty()) {
    return refuse("invalid_request", "Invalid request");
  }
  if (body.value("grantType", "") != "refresh_token") {
    return refuse("unsupported_grant_type", "Unsupported grant type");
  }
  if (settings.sso_refresh_token.empty() ||
      body.value("refreshToken", "") != settings.sso_refresh_token) {
    return refuse("invalid_grant", "Invalid refresh token provided");
  }
  return {200, "application/json",
          json{{"accessToken", settings.sso_token},
               {"expiresIn", 3600},
               {"refreshToken", settings.sso_refresh_token},
               {"tokenType", "Bearer"}}
              .dump()};
}

}  // namespace efs::simulator
