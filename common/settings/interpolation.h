// Interpolation: %(name)s in values as Python's BasicInterpolation does it. Private to the library.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "efs/base/result.h"

namespace efs::settings {

// The raw value of a key (in lower case), or null.
using RawLookup = std::function<const std::string*(const std::string& key)>;

// Errors: a lone '%', a name that does not exist, more than ten levels, or an expansion so large
// that the file can only be an attack.
Result<std::string> interpolate(std::string_view value, const RawLookup& lookup);

}  // namespace efs::settings
