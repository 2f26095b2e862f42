// The JSON documents of the instance metadata service, as pure functions of their bytes.
#pragma once

#include <string>
#include <string_view>

#include "efs/aws/credentials.h"
#include "efs/aws/imds.h"
#include "efs/base/result.h"

namespace efs::aws {

// dynamic/instance-identity/document/. kProtocol when it is not JSON or gives no usable region.
Result<InstanceIdentity> parseInstanceIdentity(std::string_view json);

// meta-data/iam/security-credentials/<role> (contract CRED-9); `method` and `source` stay empty,
// `expiration` as well where the document's is not a time between 1970 and 2200.
// A document whose Code is not "Success" is an error that tells the code.
Result<Credentials> parseRoleCredentials(std::string_view json);

// meta-data/iam/info: the ARN under which the instance's role signs, without the name of its
// session ("arn:aws:sts::123456789012:assumed-role/web"); empty where the document does not tell.
std::string assumedRoleArn(std::string_view json, const std::string& role);

}  // namespace efs::aws
