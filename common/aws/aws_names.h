// Checks of names that came from outside before they become part of a host name, a path, a header
// or a signature; shared by the sources of this library.
#pragma once

#include <string_view>

namespace efs::aws {

// Not empty, at most 63 characters of letters, digits and "-" (RFC 1123, 2.1): a region, a zone.
bool isHostLabel(std::string_view text);
// A label that botocore takes for a region: not of digits alone, no "-" at its ends.
bool isRegionName(std::string_view text);
// Not empty, only characters 0x21 to 0x7E.
bool isVisibleAscii(std::string_view text);
// A role name as IAM allows: not empty, at most 128 of letters, digits and "+=,.@_-".
bool isRoleName(std::string_view text);

}  // namespace efs::aws
