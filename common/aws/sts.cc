#include "sts.h"

#include <algorithm>
#include <array>

#include "aws_names.h"
#include "clock_skew.h"
#include "credential_http.h"
#include "efs/aws/credential_documents.h"
#include "efs/aws/endpoints.h"
#include "efs/aws/sigv4.h"
#include "efs/base/log.h"
#include "efs/base/text.h"
#include "efs/base/users_file.h"

namespace efs::aws {
namespace {

// STS takes a WebIdentityToken of 20,000 characters.
constexpr std::size_t kMaxTokenFile = 32768;

// CRED-8: the suffixes of EFS's dual-stack names have no STS.
std::string stsSuffix(const CredentialContext& context) {
  if (context.dns_suffix == "on.aws") return "amazonaws.com";
  if (context.dns_suffix == "on.amazonwebservices.com.cn") return "amazonaws.com.cn";
  return context.dns_suffix;
}

constexpr const char* kGlobalUrl = "https://sts.amazonaws.com";
constexpr const char* kGlobalRegion = "us-east-1";

struct StsEndpoint {
  std::string url;
  std::string region;  // of the signature
};

// AWS_STS_REGIONAL_ENDPOINTS = legacy: the one endpoint that all regions of that time shared.
Result<bool> wantsGlobalEndpoint(const CredentialContext& context, const EndpointOptions& options) {
  constexpr std::array<std::string_view, 16> kRegions{
      "ap-northeast-1", "ap-south-1",   "ap-southeast-1", "ap-southeast-2",
      "aws-global",     "ca-central-1", "eu-central-1",   "eu-north-1",
      "eu-west-1",      "eu-west-2",    "eu-west-3",      "sa-east-1",
      "us-east-1",      "us-east-2",    "us-west-1",      "us-west-2"};
  const std::string wanted = context.environment("AWS_STS_REGIONAL_ENDPOINTS").value_or("regional");
  if (wanted == "regional") return false;
  if (wanted != "legacy") {
    return Error(ErrorKind::kInvalidInput, "sts_regional_endpoints = " + printable(wanted, 40) +
                                               " is neither regional nor legacy");
  }
  return !options.override_url && !options.fips && !options.dual_stack &&
         std::find(kRegions.begin(), kRegions.end(), context.region) != kRegions.end();
}

Result<StsEndpoint> stsEndpoint(const CredentialContext& context, bool of_profile) {
  EndpointOptions options = endpointOptions(Service::kSts, context.environment, false);
  options.fips = options.fips && of_profile;
  options.dns_suffix = stsSuffix(context);
  if (of_profile) {
    EFS_TRY(global, wantsGlobalEndpoint(context, options));
    if (global) return StsEndpoint{kGlobalUrl, kGlobalRegion};
  }
  EFS_TRY(url, endpointUrl(Service::kSts, context.region, options));
  // The same, as a region.
  if (url == "https://sts.aws-global.amazonaws.com") url = kGlobalUrl;
  const std::string region = plainRegion(context.region);
  // Somebody else's endpoint has no such knowledge.
  const bool global = region == "aws-global" && !options.override_url;
  return StsEndpoint{url, global ? kGlobalRegion : region};
}

Status checkRole(const RoleRequest& role) {
  if (role.role_arn.starts_with("arn:") && role.role_arn.size() <= 2048 &&
      isVisibleAscii(role.role_arn)) {
    return {};
  }
  return Error(ErrorKind::kInvalidInput, "not the ARN of a role: " + printable(role.role_arn, 120))
      .addHint("for example arn:aws:iam::123456789012:role/efs-client");
}

std::string formOf(const RoleRequest& role, const char* action) {
  std::string form = std::string("Version=2011-06-15&Action=") + action +
                     "&RoleArn=" + uriEncode(role.role_arn) +
                     "&RoleSessionName=" + uriEncode(role.session_name);
  if (role.external_id) form += "&ExternalId=" + uriEncode(*role.external_id);
  if (role.duration_seconds) form += "&DurationSeconds=" + uriEncode(*role.duration_seconds);
  return form;
}

// The answer to a question about a role, with times by our own clock.
Result<Credentials> roleFrom(Result<Secret> body, const RoleRequest& role,
                             std::chrono::seconds skew) {
  const std::string what = "role " + printable(role.role_arn, 200);
  if (!body) return unexpected(std::move(body.error().addContext(what)));
  auto credentials = parseStsCredentials(body->reveal());
  if (!credentials) return unexpected(std::move(credentials.error().addContext(what)));
  if (credentials->arn.empty()) credentials->arn = role.role_arn;
  credentials->clock_skew = skew;
  if (credentials->expiration) *credentials->expiration -= skew;
  return credentials;
}

struct SignedAnswer {
  Secret body;
  std::chrono::seconds skew{0};
};

Result<http::HttpReply> sendSigned(const CredentialContext& context, const StsEndpoint& endpoint,
                                   const std::string& form, const Credentials& signer,
                                   WallTime now) {
  http::HttpRequest request;
  request.method = "POST";
  request.url = atEndpoint(endpoint.url, "/");
  request.headers = {{"Accept", "application/json"},
                     {"Content-Type", "application/x-www-form-urlencoded; charset=utf-8"}};
  request.body = form;
  EFS_TRY(signature, signRequest(request, signer, {now, endpoint.region, "sts"}));
  log::debug("asking {}", endpoint.url);
  return exchangeSecret(context, std::move(request));
}

// Once more with the service's time where it refuses ours.
Result<SignedAnswer> askSigned(const CredentialContext& context, const std::string& form,
                               const Credentials& signer, bool of_profile) {
  EFS_TRY(endpoint, stsEndpoint(context, of_profile));
  std::chrono::seconds skew = signer.clock_skew;
  const WallTime now = context.clock.now() + skew;
  EFS_TRY(reply, sendSigned(context, endpoint, form, signer, now));
  if (const auto more = clockSkew(reply, now)) {
    skew += *more;
    warnOfClockSkew("STS", skew);
    EFS_TRY(second, sendSigned(context, endpoint, form, signer, context.clock.now() + skew));
    reply = std::move(second);
  }
  EFS_TRY(body, secretOf(std::move(reply), GoodStatus::kAny2xx));
  return SignedAnswer{std::move(body), skew};
}

}  // namespace

Result<Secret> readTokenFile(const std::string& path) {
  EFS_TRY(text, readUsersFile(path, kMaxTokenFile));
  const Secret whole(std::move(text));
  Secret token(trim(whole.reveal()));
  if (token.empty()) return Error(ErrorKind::kInvalidInput, path + " is empty");
  const auto value = token.reveal();
  const bool plain =
      std::all_of(value.begin(), value.end(), [](char c) { return c >= 0x20 && c < 0x7F; });
  if (plain) return token;
  return Error(ErrorKind::kInvalidInput,
               path + " contains line ends or other characters that no token has");
}

Result<Credentials> assumeRole(const CredentialContext& context, const RoleRequest& role,
                               const Credentials& source) {
  EFS_CHECK(checkRole(role));
  auto answer = askSigned(context, formOf(role, "AssumeRole"), source, role.of_profile);
  if (!answer) return roleFrom(unexpected(std::move(answer.error())), role, {});
  return roleFrom(std::move(answer->body), role, answer->skew);
}

Result<std::string> callerArn(const CredentialContext& context, const Credentials& credentials) {
  EFS_TRY(answer,
          askSigned(context, "Version=2011-06-15&Action=GetCallerIdentity", credentials, true)
              .withContext("GetCallerIdentity"));
  return parseCallerIdentity(answer.body.reveal());
}

Result<Credentials> assumeRoleWithWebIdentity(const CredentialContext& context,
                                              const RoleRequest& role,
                                              const std::string& token_file) {
  EFS_CHECK(checkRole(role));
  EFS_TRY(token, readTokenFile(token_file).withContext("web identity token"));
  EFS_TRY(endpoint, stsEndpoint(context, role.of_profile));
  http::HttpRequest request;
  request.headers = {{"Accept", "application/json"}};
  request.url = atEndpoint(endpoint.url, "/") + "?" + formOf(role, "AssumeRoleWithWebIdentity") +
                "&WebIdentityToken=" + uriEncode(token.reveal());
  // efs-utils takes nothing but 200.
  const GoodStatus good = role.of_profile ? GoodStatus::kAny2xx : GoodStatus::kOnly200;
  return roleFrom(fetchSecret(context, std::move(request), good), role, {});
}

}  // namespace efs::aws
