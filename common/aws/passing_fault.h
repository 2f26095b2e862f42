// Answers after which the same question may be answered a moment later.
#pragma once

#include "efs/http/http_client.h"

namespace efs::aws {

// Status 429 and 5xx, and a refusal whose code says that there were too many questions (STS's
// "Throttling" has status 400) or that the service waited too long: those that botocore asks again.
bool isPassingFault(const http::HttpReply& reply);

}  // namespace efs::aws
