#include "sso_token.h"

#include "../aws_json.h"
#include "../credential_http.h"
#include "efs/aws/endpoints.h"
#include "efs/base/files.h"
#include "efs/base/log.h"
#include "efs/base/text.h"
#include "efs/base/users_file.h"
#include "efs/crypto/digest.h"

namespace efs::aws {
namespace {

constexpr std::chrono::minutes kRefreshWindow{15};
constexpr const char* kTimeFormat = "%Y-%m-%dT%H:%M:%SZ";

Result<std::string> cachePath(const CredentialContext& context, const SsoLogin& login) {
  EFS_TRY(digest, crypto::sha1(login.session.empty() ? login.start_url : login.session));
  return context.home_directory + "/.aws/sso/cache/" + hex(digest) + ".json";
}

Result<SsoToken> readCache(const std::string& path) {
  EFS_TRY(text, readUsersFile(path, kMaxFileSize));
  const Secret content(std::move(text));
  return parseSsoToken(content.reveal()).withContext(path);
}

// Why the log-in cannot be refreshed; empty when it can.
std::string obstacle(const CredentialContext& context, const SsoLogin& login,
                     const SsoToken& token) {
  if (login.session.empty()) return "it belongs to no sso_session";
  if (token.refresh_token.empty()) return "it has no refresh token";
  if (token.client_id.empty() || token.client_secret.empty()) return "its client is not known";
  const auto ends = parseAwsTime(token.registration_expires_at);
  if (!ends) return "it does not tell how long its client is registered";
  return *ends <= context.clock.now() ? "the registration of its client has ended" : "";
}

Result<SsoToken> askForToken(const CredentialContext& context, const SsoLogin& login,
                             const SsoToken& token) {
  EFS_TRY(endpoint, endpointUrl(Service::kSsoOidc, login.region,
                                endpointOptions(Service::kSsoOidc, context.environment, false)));
  http::HttpRequest request;
  request.method = "POST";
  request.url = atEndpoint(endpoint, "/token");
  request.headers = {{"Accept", "application/json"}, {"Content-Type", "application/json"}};
  request.body = dumpSecret({{"clientId", token.client_id.reveal()},
                             {"clientSecret", token.client_secret.reveal()},
                             {"grantType", "refresh_token"},
                             {"refreshToken", token.refresh_token.reveal()}});
  const WallTime now = context.clock.now();
  EFS_TRY(body, fetchSecret(context, std::move(request), GoodStatus::kAny2xx));
  EFS_TRY(fresh, parseNewSsoToken(body.reveal(), now));
  // One that is not replaced stays valid (RFC 6749, 6); botocore drops it and so the log-in.
  if (fresh.refresh_token.empty()) fresh.refresh_token = token.refresh_token;
  fresh.client_id = token.client_id;
  fresh.client_secret = token.client_secret;
  fresh.registration_expires_at = token.registration_expires_at;
  return fresh;
}

// With the keys that botocore writes. A cache that cannot be written costs a refresh the next time.
void writeCache(const std::string& path, const SsoLogin& login, const SsoToken& token) {
  std::string text = dumpSecret({{"startUrl", login.start_url},
                                 {"region", login.region},
                                 {"accessToken", token.access_token.reveal()},
                                 {"expiresAt", utcText(token.expires, kTimeFormat)},
                                 {"clientId", token.client_id.reveal()},
                                 {"clientSecret", token.client_secret.reveal()},
                                 {"registrationExpiresAt", token.registration_expires_at},
                                 {"refreshToken", token.refresh_token.reveal()}});
  if (const auto written = writeUsersFile(path, text, {.mode = 0600}); !written) {
    log::warning("the refreshed log-in of IAM Identity Center is not kept: {}",
                 written.error().describe());
  }
  wipe(text);
}

Error ended(const std::string& path, const SsoToken& token, const std::string& reason) {
  return {ErrorKind::kPermission, "the log-in of " + path + " ended at " +
                                      utcText(token.expires, kTimeFormat) +
                                      " and cannot be refreshed: " + reason};
}

}  // namespace

Result<SsoToken> validToken(const CredentialContext& context, const SsoLogin& login) {
  EFS_TRY(path, cachePath(context, login));
  EFS_TRY(token, readCache(path));
  const WallTime now = context.clock.now();
  if (token.expires >= now + kRefreshWindow) return token;
  std::string reason = obstacle(context, login, token);
  if (reason.empty()) {
    auto fresh = askForToken(context, login, token);
    if (fresh) {
      writeCache(path, login, *fresh);
      return fresh;
    }
    reason = fresh.error().describe();
    log::warning("refreshing the log-in of IAM Identity Center failed: {}", reason);
    // Another program may have used the refresh token just now: what it wrote is newer.
    auto again = readCache(path);
    if (again && again->expires > token.expires) token = std::move(*again);
  }
  if (token.expires > now) return token;
  return ended(path, token, reason);
}

}  // namespace efs::aws
