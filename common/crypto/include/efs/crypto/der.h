// A writer of the few DER values (ITU-T X.690) that our certificates carry. Each function gives one
// complete element: tag, length, content.
#pragma once

#include <string>
#include <string_view>

#include "efs/base/clock.h"

namespace efs::crypto::der {

// Any element with a one-byte tag.
std::string element(unsigned char tag, std::string_view content);
// The caller vouches for valid UTF-8 (efs::isUtf8).
std::string utf8String(std::string_view text);
std::string octetString(std::string_view bytes);
// Seconds resolution, two-digit year: right for 1950 to 2049 (RFC 5280, 4.1.2.5.1).
std::string utcTime(WallTime time);
// `content` is the concatenation of complete elements.
std::string sequence(std::string_view content);
// The context-specific constructed tag [number], 0 to 30, around one element.
std::string explicitTag(unsigned number, std::string_view element);

}  // namespace efs::crypto::der
