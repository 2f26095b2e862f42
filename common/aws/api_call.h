// One signed request to an AWS API; shared by the callers of this library.
#pragma once

#include <string_view>

#include "efs/aws/api_access.h"
#include "efs/base/result.h"
#include "efs/http/http_client.h"

namespace efs::aws {

// `request.url` is path and query only ("/2015-02-01/mount-targets?..."), in their final encoding.
// A throttled or failing service (isPassingFault()) is asked once more. Any reply but status 200 is
// an error that names the service, the status, and the service's own code and message:
// kPermission for 401 and 403, kNotFound for 404, kUnreachable for 429 and 5xx, else kProtocol.
Result<std::string> callApi(const ApiAccess& access, Service service, http::HttpRequest request);

// "AccessDeniedException: not authorized ..." from an error reply in JSON or XML; empty when the
// body tells nothing.
std::string serviceMessage(std::string_view body);

}  // namespace efs::aws
