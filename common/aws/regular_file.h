// Reading files of the user's that may turn out to be something else: a directory that a container
// made, a pipe without a writer.
#pragma once

#include <cstddef>
#include <string>

#include "efs/base/result.h"

namespace efs::aws {

// Like readFile(), but what is no regular file is never waited for: kInvalidInput that says what it
// is. A character device as /dev/null is an empty file.
Result<std::string> readRegularFile(const std::string& path, std::size_t limit);

}  // namespace efs::aws
