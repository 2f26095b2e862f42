// Words of a command line as a POSIX shell splits them, without any expansion.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "efs/base/result.h"

namespace efs::aws {

// Blanks separate; '...' is literal; in "..." a backslash escapes only $ ` " \; elsewhere it
// escapes any character (POSIX XCU 2.2). kInvalidInput for an open quotation or a backslash at the
// end.
Result<std::vector<std::string>> splitShellWords(std::string_view text);

}  // namespace efs::aws
