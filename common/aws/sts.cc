#include "sts.h"

#include <algorithm>

#include "aws_names.h"
#include "credential_http.h"
#include "efs/aws/credential_documents.h"
#include "efs/aws/endpoints.h"
#include "efs/aws/sigv4.h"
#include "efs/base/files.h"
#include "efs/base/log.h"
#include "efs/base/text.h"

namespace efs::aws {
namespace {

constexpr std::size_t kMaxTokenFile = 16384;

// CRED-8: the suffixes of EFS's dual-stack names have no STS.
std::string stsSuffix(const CredentialContext& context) {
  if (context.dns_suffix == "on.aws") return "amazonaws.com";
  if (context.dns_suffix == "on.amazonwebservices.com.cn") return "amazonaws.com.cn";
  return context.dns_suffix;
}

Result<std::string> stsEndpoint(const CredentialContext& context, bool may_use_fips) {
  EndpointOptions options = endpointOptions(Service::kSts, context.environment, false);
  options.fips = options.fips && may_use_fips;
  options.dns_suffix = stsSuffix(context);
  return endpointUrl(Service::kSts, context.region, options);
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

Result<Credentials> fetchRole(const CredentialContext& context, http::HttpRequest request,
                              const RoleRequest& role) {
  const std::string what = "role " + printable(role.role_arn, 200);
  auto body = fetchSecret(context, std::move(request));
  if (!body) return unexpected(std::move(body.error().addContext(what)));
  auto credentials = parseStsCredentials(body->reveal());
  if (!credentials) return unexpected(std::move(credentials.error().addContext(what)));
  if (credentials->arn.empty()) credentials->arn = role.role_arn;
  return credentials;
}

Result<http::HttpRequest> signedForm(const CredentialContext& context, std::string form,
                                     const Credentials& signer, bool may_use_fips) {
  EFS_TRY(endpoint, stsEndpoint(context, may_use_fips));
  http::HttpRequest request;
  request.method = "POST";
  request.url = endpoint + "/";
  request.headers = {{"Accept", "application/json"},
                     {"Content-Type", "application/x-www-form-urlencoded; charset=utf-8"}};
  request.body = std::move(form);
  EFS_TRY(signature, signRequest(request, signer, {context.clock.now(), context.region, "sts"}));
  log::debug("asking {}", endpoint);
  return request;
}

}  // namespace

Result<Secret> readTokenFile(const std::string& path) {
  EFS_TRY(text, readFile(path, kMaxTokenFile));
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
  EFS_TRY(request, signedForm(context, formOf(role, "AssumeRole"), source, role.may_use_fips));
  return fetchRole(context, std::move(request), role);
}

Result<std::string> callerArn(const CredentialContext& context, const Credentials& credentials) {
  EFS_TRY(request,
          signedForm(context, "Version=2011-06-15&Action=GetCallerIdentity", credentials, true));
  EFS_TRY(body, fetchSecret(context, std::move(request)).withContext("GetCallerIdentity"));
  return parseCallerIdentity(body.reveal());
}

Result<Credentials> assumeRoleWithWebIdentity(const CredentialContext& context,
                                              const RoleRequest& role,
                                              const std::string& token_file) {
  EFS_CHECK(checkRole(role));
  EFS_TRY(token, readTokenFile(token_file).withContext("web identity token"));
  EFS_TRY(endpoint, stsEndpoint(context, role.may_use_fips));
  http::HttpRequest request;
  request.headers = {{"Accept", "application/json"}};
  request.url = endpoint + "/?" + formOf(role, "AssumeRoleWithWebIdentity") +
                "&WebIdentityToken=" + uriEncode(token.reveal());
  return fetchRole(context, std::move(request), role);
}

}  // namespace efs::aws
