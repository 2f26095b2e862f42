// One function for each AWS API: from a genuine request to its reply. Each lives in a file of its
// own: api_efs.cc, api_ec2.cc, api_logs.cc.
#pragma once

#include "api_message.h"
#include "world.h"

namespace efs::simulator {

// GET /2015-02-01/mount-targets?FileSystemId=... with Marker and MaxItems (pages of two targets, so
// that paging is always met).
ApiReply answerEfs(const ApiRequest& request, World& world);
// POST / with Action=DescribeAvailabilityZones and ZoneName.n.
ApiReply answerEc2(const ApiRequest& request, World& world);
// POST / with X-Amz-Target: Logs_20140328.<Action>.
ApiReply answerLogs(const ApiRequest& request, World& world);

// An error reply in the form of that service.
ApiReply efsError(int status, const std::string& code, const std::string& message);
ApiReply ec2Error(int status, const std::string& code, const std::string& message);
ApiReply logsError(int status, const std::string& code, const std::string& message);

}  // namespace efs::simulator
