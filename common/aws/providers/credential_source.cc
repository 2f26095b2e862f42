#include "../container_request.h"
#include "../credential_http.h"
#include "../credential_values.h"
#include "../sts.h"
#include "efs/aws/credential_documents.h"
#include "efs/base/log.h"
#include "efs/base/text.h"
#include "profile_sources.h"
#include "provider.h"

namespace efs::aws {
namespace {

constexpr const char* kNotKept =
    "keys of the environment are secrets and not kept, so the certificate of the mount cannot be "
    "renewed with them; put them into a profile and name it with source_profile";

Result<Credentials> fromProvider(const CredentialContext& context, const ProviderPtr& provider) {
  EFS_TRY(attempt, provider->find(context).withContext(provider->name()));
  if (attempt.credentials) return std::move(*attempt.credentials);
  return Error(ErrorKind::kNotFound, provider->name() + ": " + attempt.outcome);
}

// The token that goes with either address: the variable itself, or the file that it names.
Result<Secret> authorization(const CredentialContext& context) {
  const auto file = context.environment("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE").value_or("");
  if (!file.empty()) {
    return readTokenFile(context.absolute(file)).withContext("authorization token");
  }
  Secret token(context.environment("AWS_CONTAINER_AUTHORIZATION_TOKEN").value_or(""));
  if (token.reveal().find_first_of("\r\n") != std::string_view::npos) {
    return Error(ErrorKind::kInvalidInput, "AWS_CONTAINER_AUTHORIZATION_TOKEN has line ends");
  }
  if (!token.empty()) {
    log::warning(
        "AWS_CONTAINER_AUTHORIZATION_TOKEN is a secret and not kept: the certificate cannot be "
        "renewed with it; AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE names a file with it instead");
  }
  return token;
}

Result<Credentials> fromContainer(const CredentialContext& context) {
  const auto url = context.environment("AWS_CONTAINER_CREDENTIALS_FULL_URI").value_or("");
  const auto path = context.environment("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI").value_or("");
  // Neither is set: it says so.
  if (path.empty() && url.empty()) {
    return fromProvider(context, makeContainerEnvironmentProvider());
  }
  EFS_TRY(request, path.empty()
                       ? containerRequest(url).withContext("AWS_CONTAINER_CREDENTIALS_FULL_URI")
                       : agentRequest(context.container_endpoint, path));
  EFS_TRY(token, authorization(context));
  if (!token.empty()) request.headers = {{"Authorization", std::string(token.reveal())}};
  EFS_TRY(body, fetchSecret(context, std::move(request)).withContext("container credentials"));
  EFS_TRY(credentials,
          parseContainerCredentials(body.reveal()).withContext("container credentials"));
  credentials.source =
      path.empty() ? "container credentials" : "container credentials of the ECS agent";
  return credentials;
}

// AWS_CREDENTIAL_EXPIRATION, where it is set.
Status setEnd(const CredentialContext& context, Credentials& credentials) {
  const auto text = context.environment("AWS_CREDENTIAL_EXPIRATION");
  if (!text) return {};
  credentials.expiration = parseAwsTime(*text);
  if (!credentials.expiration) {
    return Error(ErrorKind::kInvalidInput,
                 "AWS_CREDENTIAL_EXPIRATION is not a time (or names no time zone)");
  }
  if (*credentials.expiration > context.clock.now()) return {};
  return Error(ErrorKind::kPermission,
               "the keys of the environment ended at AWS_CREDENTIAL_EXPIRATION");
}

// Not CRED-6: here a profile asks for these keys by name, and they only sign the call to STS.
Result<Credentials> fromEnvironment(const CredentialContext& context) {
  const auto id = context.environment("AWS_ACCESS_KEY_ID").value_or("");
  Secret secret(context.environment("AWS_SECRET_ACCESS_KEY").value_or(""));
  auto token_text = context.environment("AWS_SECURITY_TOKEN");
  if (!token_text) token_text = context.environment("AWS_SESSION_TOKEN");
  const Secret token(token_text.value_or(""));
  EFS_TRY(credentials, makeCredentials(id, secret.reveal(), token.reveal())
                           .withContext("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY of the "
                                        "environment")
                           .withHint(kNotKept));
  log::warning("credential_source = Environment: {}", kNotKept);
  EFS_CHECK(setEnd(context, credentials));
  credentials.source = kEnvironmentKeySource;
  return credentials;
}

}  // namespace

Result<Credentials> credentialsOfSource(const CredentialContext& context,
                                        const std::string& credential_source) {
  if (credential_source == "Ec2InstanceMetadata") {
    return fromProvider(context, makeInstanceRoleProvider());
  }
  if (credential_source == "EcsContainer") return fromContainer(context);
  if (credential_source == "Environment") return fromEnvironment(context);
  return Error(ErrorKind::kInvalidInput,
               "credential_source = " + printable(credential_source, 80) + " is not known")
      .addHint("it may be Ec2InstanceMetadata, EcsContainer or Environment");
}

}  // namespace efs::aws
