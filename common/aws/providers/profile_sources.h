// What a profile can name instead of giving keys; one function, one file.
#pragma once

#include <string>

#include "../profile_set.h"
#include "efs/aws/credential_context.h"
#include "efs/aws/credentials.h"
#include "efs/base/result.h"

namespace efs::aws {

// `command` is split like a shell's words and run without a shell; its standard output, JSON of
// version 1, is bounded in time and size. Its standard error is not read: it may show secrets.
Result<Credentials> credentialsOfProcess(const CredentialContext& context,
                                         const std::string& command);

// IAM Identity Center: GetRoleCredentials with the log-in that "aws sso login" keeps in a file.
Result<Credentials> credentialsOfSso(const CredentialContext& context, const ProfileSet& profiles,
                                     const std::string& profile);

// `credential_source`: Ec2InstanceMetadata, EcsContainer or Environment.
Result<Credentials> credentialsOfSource(const CredentialContext& context,
                                        const std::string& credential_source);

}  // namespace efs::aws
