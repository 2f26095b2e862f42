#include <array>
#include <vector>

#include "../credential_http.h"
#include "efs/aws/credential_documents.h"
#include "efs/aws/endpoints.h"
#include "efs/aws/region.h"
#include "efs/aws/sigv4.h"
#include "efs/base/log.h"
#include "efs/base/text.h"
#include "profile_sources.h"
#include "sso_token.h"

namespace efs::aws {
namespace {

Error inProfile(const std::string& problem) { return {ErrorKind::kInvalidInput, problem}; }

// A key of the session; the profile may repeat it, but not contradict it.
Result<std::optional<std::string>> sharedValue(const ProfileSet& profiles,
                                               const std::string& profile,
                                               const std::string& session, const char* key) {
  const Secret* shared = session.empty() ? nullptr : profiles.findInSession(session, key);
  const Secret* own = profiles.find(profile, key);
  for (const Secret* value : {shared, own}) EFS_CHECK(refuseNested(value, key));
  if (shared == nullptr) {
    return own == nullptr ? std::nullopt : std::optional(std::string(own->reveal()));
  }
  std::string value(shared->reveal());
  // An empty one contradicts, too.
  if (own != nullptr && own->reveal() != value) {
    return inProfile(std::string(key) + " differs from that of [sso-session " +
                     printable(session, 80) + "]");
  }
  return std::optional<std::string>(std::move(value));
}

Result<SsoLogin> readLogin(const ProfileSet& profiles, const std::string& profile) {
  SsoLogin login;
  EFS_CHECK(refuseNested(profiles.find(profile, "sso_session"), "sso_session"));
  login.session = profiles.text(profile, "sso_session").value_or("");
  if (!login.session.empty() && !profiles.hasSession(login.session)) {
    return inProfile("there is no [sso-session " + printable(login.session, 80) + "]");
  }
  EFS_CHECK(profiles.checkSession(login.session));
  const std::array<std::pair<const char*, std::string*>, 4> fields{
      {{"sso_start_url", &login.start_url},
       {"sso_region", &login.region},
       {"sso_account_id", &login.account_id},
       {"sso_role_name", &login.role_name}}};
  std::vector<std::string> missing;
  for (const auto& [key, target] : fields) {
    EFS_TRY(value, sharedValue(profiles, profile, login.session, key));
    // An empty one is for AWS to refuse: a session's start URL only names the log-in.
    if (!value) missing.emplace_back(key);
    *target = value.value_or("");
  }
  if (!missing.empty()) return inProfile(join(missing, " and ") + " missing");
  return login;
}

}  // namespace

Result<Credentials> credentialsOfSso(const CredentialContext& context, const ProfileSet& profiles,
                                     const std::string& profile) {
  EFS_TRY(login, readLogin(profiles, profile).withContext("IAM Identity Center"));
  const std::string doubt = regionDoubt(plainRegion(login.region));
  if (!doubt.empty()) log::warning("sso_region of profile {}: {}", printable(profile, 80), doubt);
  EFS_TRY(token, validToken(context, login)
                     .withContext("IAM Identity Center")
                     .withHint("run: aws sso login --profile " + printable(profile, 80)));
  EFS_TRY(endpoint, endpointUrl(Service::kSsoPortal, login.region,
                                endpointOptions(Service::kSsoPortal, context.environment, false)));
  http::HttpRequest request;
  request.url = atEndpoint(endpoint, "/federation/credentials") +
                "?role_name=" + uriEncode(login.role_name) +
                "&account_id=" + uriEncode(login.account_id);
  request.headers = {{"Accept", "application/json"},
                     {"x-amz-sso_bearer_token", std::string(token.access_token.reveal())}};
  EFS_TRY(body, fetchSecret(context, std::move(request), GoodStatus::kAny2xx)
                    .withContext("IAM Identity Center"));
  EFS_TRY(credentials, parseSsoRoleCredentials(body.reveal()).withContext("IAM Identity Center"));
  credentials.source = "IAM Identity Center role " + printable(login.role_name, 80) +
                       " of account " + printable(login.account_id, 20);
  credentials.principal = {login.account_id, "sso-role/" + login.role_name, ""};
  return credentials;
}

}  // namespace efs::aws
