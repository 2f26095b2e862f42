// Asking a service for credentials: bounded tries, statuses as errors, secrets wiped.
#pragma once

#include <string>

#include "efs/aws/credential_context.h"
#include "efs/base/result.h"
#include "efs/base/secret.h"
#include "efs/http/http_client.h"

namespace efs::aws {

// Which answers are one: of an agent or the metadata service status 200 only, of AWS's own services
// all below 300, as botocore has both.
enum class GoodStatus { kOnly200, kAny2xx };

// The body of a good answer. Time-outs, resets, 429 and 5xx are tried again within the context's
// patience. Any other answer is an error with the status and the code that the service gives:
// kPermission for 400 with a code, 401 and 403, kNotFound for 404, kProtocol else. URL, headers and
// body of the request are wiped at the end.
Result<Secret> fetchSecret(const CredentialContext& context, http::HttpRequest request,
                           GoodStatus good = GoodStatus::kOnly200);

// The two halves of it, for whoever may ask again: the answer of any status, which is the caller's
// to wipe, and what it says.
Result<http::HttpReply> exchangeSecret(const CredentialContext& context, http::HttpRequest request);
Result<Secret> secretOf(http::HttpReply reply, GoodStatus good);

}  // namespace efs::aws
