// CloudWatch Logs: one line about a mount in the account's own log (contract section 20).
//
// The stream's sequence token, which upstream asks for with DescribeLogStreams, is no longer needed
// by the service and not asked for here. Permissions: logs:PutLogEvents, and logs:CreateLogGroup,
// logs:CreateLogStream, logs:PutRetentionPolicy (or logs:DeleteRetentionPolicy).
#pragma once

#include <optional>
#include <string>

#include "efs/aws/api_access.h"
#include "efs/base/result.h"

namespace efs::aws {

struct LogDestination {
  std::string group;   // "/aws/efs/utils"
  std::string stream;  // see logStreamName()
  std::optional<int> retention_days;
};

// "<fs id> - <instance id> - mount.log"; an empty part is dropped, both: "default - mount.log".
std::string logStreamName(const std::string& fs_id, const std::string& instance_id);
// The group for a message: "{fs_id}" is replaced, or removed with its slash where the id is not
// known.
std::string logGroupName(const std::string& configured, const std::string& fs_id);

// Writes the line; where group or stream do not exist they are made first. Afterwards the group's
// retention is set as configured. The first call that fails is the error. Not bounded as a whole:
// the caller runs it where it may be cut off.
Status putLogLine(const ApiAccess& access, const LogDestination& destination,
                  const std::string& line);

}  // namespace efs::aws
