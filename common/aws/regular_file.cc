#include "regular_file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

#include "efs/base/files.h"
#include "efs/base/unique_fd.h"

namespace efs::aws {
namespace {

const char* nameOf(mode_t mode) {
  if (S_ISDIR(mode)) return "a directory";
  if (S_ISFIFO(mode)) return "a pipe";
  return "not a regular file";
}

}  // namespace

Result<std::string> readRegularFile(const std::string& path, std::size_t limit) {
  // Without O_NONBLOCK opening a pipe waits for its writer.
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  if (!fd.valid()) return Error::fromErrno(errno, "opening " + path);
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return Error::fromErrno(errno, "looking at " + path);
  if (S_ISCHR(info.st_mode)) return std::string();
  if (S_ISREG(info.st_mode)) return readAll(fd.get(), path, limit);
  return Error(ErrorKind::kInvalidInput, path + " is " + nameOf(info.st_mode));
}

}  // namespace efs::aws
