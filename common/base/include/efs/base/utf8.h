// UTF-8, the only encoding of our state files, tunnel files and certificates.
#pragma once

#include <string_view>

namespace efs {

// Well-formed UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing above U+10FFFF.
bool isUtf8(std::string_view bytes);

}  // namespace efs
