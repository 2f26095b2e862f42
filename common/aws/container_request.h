// Where a container's credentials may be fetched.
#pragma once

#include <string>

#include "efs/base/result.h"
#include "efs/http/http_client.h"

namespace efs::aws {

// A GET of `url`. Over https any host may be meant. Over http the answer, keys of a role, and the
// question, perhaps with a token, go in clear text: only to the hosts that botocore allows, which
// are this host's own (169.254.170.2, 169.254.170.23, fd00:ec2::23, localhost, loopback), and never
// by a proxy. kInvalidInput for any other.
Result<http::HttpRequest> containerRequest(std::string url);

// A GET of the path `uri` at the ECS agent of this host, `endpoint`; kInvalidInput for what does
// not begin with "/" or could end the request line.
Result<http::HttpRequest> agentRequest(const std::string& endpoint, const std::string& uri);

}  // namespace efs::aws
