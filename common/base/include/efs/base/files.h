// Reading and writing whole small files safely.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string>
#include <string_view>

#include "efs/base/result.h"
#include "efs/base/unique_fd.h"

namespace efs {

// The largest file any of our readers accepts unless it says otherwise: configs and state are KiB.
inline constexpr std::size_t kMaxFileSize = 1U << 20U;

// The whole content; kInvalidInput when longer than `limit` bytes, kNotFound when absent. The
// message names the path.
Result<std::string> readFile(const std::string& path, std::size_t limit = kMaxFileSize);
Result<std::string> readAll(int fd, const std::string& name, std::size_t limit = kMaxFileSize);

struct WriteOptions {
  mode_t mode = 0600;
  // fsync the file and its directory before returning: for what must survive a crash.
  bool durable = false;
  // EEXIST where `path` is there already, which then stays. Where the file system has no hard links
  // it is replaced.
  bool only_new = false;
};
// Replaces `path` as a whole: temporary file beside it (".<name>.XXXXXX"), written, renamed. A
// reader sees the old or the new content, never a part; on error the old file stays and nothing is
// left behind.
Status writeFileAtomic(const std::string& path, std::string_view content,
                       WriteOptions options = {});

// Writes every byte, retrying EINTR and short writes.
Status writeAll(int fd, std::string_view content, const std::string& name);

// mkdir -p: missing parents get 0755, the leaf exactly `mode`. An existing leaf is left as it is.
Status makeDirectories(const std::string& path, mode_t mode);
// unlink; a missing file is success.
Status removeFile(const std::string& path);
bool fileExists(const std::string& path);
// All before the last slash; empty where there is none.
std::string directoryOf(const std::string& path);

}  // namespace efs
