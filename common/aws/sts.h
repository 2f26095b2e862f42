// AWS Security Token Service: a role for a signed request or for a web identity token.
#pragma once

#include <optional>
#include <string>

#include "efs/aws/credential_context.h"
#include "efs/aws/credentials.h"
#include "efs/base/result.h"
#include "efs/base/secret.h"

namespace efs::aws {

inline constexpr const char* kSessionName = "efs-mount-helper";  // CRED-8

struct RoleRequest {
  std::string role_arn;
  std::string session_name = kSessionName;
  std::optional<std::string> external_id = {};
  std::optional<std::string> duration_seconds = {};  // checked by the caller
  // $AWS_USE_FIPS_ENDPOINT and $AWS_STS_REGIONAL_ENDPOINTS count. Not for the role of the
  // environment or the options: CRED-8 names its endpoint, and only some regions have the others.
  bool of_profile = true;
};

// Signed with `source`, in the context's region. Where STS refuses the signature because of its
// time, once more with the time of its answer; the credentials remember how far it was off.
Result<Credentials> assumeRole(const CredentialContext& context, const RoleRequest& role,
                               const Credentials& source);
// GetCallerIdentity: whose `credentials` are.
Result<std::string> callerArn(const CredentialContext& context, const Credentials& credentials);
// CRED-8: a GET, not signed; the token's file is read anew each time, because its owner replaces
// it.
Result<Credentials> assumeRoleWithWebIdentity(const CredentialContext& context,
                                              const RoleRequest& role,
                                              const std::string& token_file);

// A token that another program keeps in a file: trimmed, not empty, without line ends or other
// control characters inside (CRED-7).
Result<Secret> readTokenFile(const std::string& path);

}  // namespace efs::aws
