// Building Credentials from what a source delivered; shared by the sources of this library.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "efs/aws/credentials.h"
#include "efs/base/result.h"

namespace efs::aws {

// Checks that the three values can be used in a header and in a signature. An empty token is no
// token. Error messages name the value, never show it.
Result<Credentials> makeCredentials(std::string_view access_key_id,
                                    std::string_view secret_access_key,
                                    std::optional<std::string_view> session_token);

}  // namespace efs::aws
