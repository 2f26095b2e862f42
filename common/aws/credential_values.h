// Building Credentials from what a source delivered; shared by the sources of this library.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "efs/aws/credentials.h"
#include "efs/base/clock.h"
#include "efs/base/result.h"

namespace efs::aws {

// Checks that the three values can be used in a header and in a signature. An empty token is no
// token. Error messages name the value, never show it.
Result<Credentials> makeCredentials(std::string_view access_key_id,
                                    std::string_view secret_access_key,
                                    std::optional<std::string_view> session_token);

// kPermission where they have ended: neither a certificate nor a question to STS is signed with
// them. Those of an instance role are used nevertheless, as the SDKs do: the metadata service hands
// them out while it cannot get newer ones, and AWS takes them then; their provider warns.
Status refuseEnded(const Credentials& credentials, const Clock& clock);

}  // namespace efs::aws
