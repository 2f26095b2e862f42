// Words of a command line as Python's shlex splits them, which is what botocore does with programs
// and section names: a POSIX shell's rules, but without any expansion.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "efs/base/result.h"

namespace efs::aws {

// Blanks separate; '...' is literal; in "..." a backslash escapes only " and \; elsewhere it
// escapes any character. kInvalidInput for an open quotation or a backslash at the
// end.
Result<std::vector<std::string>> splitShellWords(std::string_view text);

}  // namespace efs::aws
