// AWS Security Token Service: a role for a signed request or for a web identity token.
#pragma once

#include <optional>
#include <string>

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
};

// Signed with `source`, in the context's region.
Result<Credentials> assumeRole(const CredentialContext& context, const RoleRequest& role,
                               const Credentials& source);
// CRED-8: a GET, not signed; the token's file is read anew each time, because its owner replaces
// it.
Result<Credentials> assumeRoleWithWebIdentity(const CredentialContext& context,
                                              const RoleRequest& role,
                                              const std::string& token_file);

// A token that another program keeps in a file: trimmed, not empty, without line ends or other
// control characters inside (CRED-7).
Result<Secret> readTokenFile(const std::string& path);

// Where STS and the portal of IAM Identity Center are: $AWS_ENDPOINT_URL_<service>, else
// $AWS_ENDPOINT_URL, else <host prefix>.<region>.<suffix>. Without a slash at its end.
Result<std::string> serviceEndpoint(const CredentialContext& context, const char* variable,
                                    const std::string& host_prefix, const std::string& region,
                                    const std::string& suffix);
// "amazonaws.com.cn" for "cn-north-1".
std::string partitionSuffix(const std::string& region);

}  // namespace efs::aws
