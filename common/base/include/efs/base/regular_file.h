// Reading files that may turn out to be something else: a directory that a container made, a pipe
// without a writer.
#pragma once

#include <cstddef>
#include <string>

#include "efs/base/files.h"
#include "efs/base/result.h"

namespace efs {

// Like readFile(), but what is no regular file is never waited for: kInvalidInput that says what it
// is. A character device as /dev/null is an empty file. Whether the file system answers is another
// question: users_file.h.
Result<std::string> readRegularFile(const std::string& path, std::size_t limit = kMaxFileSize);

}  // namespace efs
