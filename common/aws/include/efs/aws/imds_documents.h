// The JSON documents of the instance metadata service, as pure functions of their bytes.
#pragma once

#include <string_view>

#include "efs/aws/credentials.h"
#include "efs/aws/imds.h"
#include "efs/base/result.h"

namespace efs::aws {

// dynamic/instance-identity/document/. kProtocol when it is not JSON or gives no usable region.
Result<InstanceIdentity> parseInstanceIdentity(std::string_view json);

// meta-data/iam/security-credentials/<role> (contract CRED-9); `method` and `source` stay empty.
// A document whose Code is not "Success" is an error that tells the code.
Result<Credentials> parseRoleCredentials(std::string_view json);

}  // namespace efs::aws
