#include "efs/mounts/place.h"

#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "efs/base/files.h"
#include "efs/base/subprocess.h"
#include "efs/base/text.h"
#include "efs/base/unique_fd.h"

namespace efs::mounts {
namespace {

struct Answer {
  int err = 0;
  std::array<char, PATH_MAX> path{};
};

Answer lookHere(const std::string& path) {
  Answer answer;
  struct stat info {};
  const bool there = ::realpath(path.c_str(), answer.path.data()) != nullptr &&
                     ::stat(answer.path.data(), &info) == 0;
  if (!there) {
    answer.err = errno;
  } else if (!S_ISDIR(info.st_mode)) {
    answer.err = ENOTDIR;
  }
  return answer;
}

}  // namespace

Result<std::string> directoryAt(const std::string& path, Duration patience) {
  const std::string what = "mount point " + printable(path);
  EFS_TRY(pipe, makePipe());
  const int out = pipe.write_end.get();
  EFS_TRY(child, Subprocess::fork([&path, out] {
            if (::dup2(out, 3) < 0) return 1;
            closeFrom(4);
            const Answer answer = lookHere(path);
            return ::write(3, &answer, sizeof answer) == sizeof answer ? 0 : 1;
          }));
  pipe.write_end.reset();
  const auto ended = child.wait(patience);
  if (!ended || !*ended) child.killAndReap();
  if (!ended) return ended.error();
  if (!*ended) {
    return Error::fromErrno(ETIMEDOUT, what)
        .setKind(ErrorKind::kTimeout)
        .addHint("a file system on its path does not answer; findmnt shows them");
  }
  Answer answer;
  // Not more than a pipe holds, and the child has ended.
  if (::read(pipe.read_end.get(), &answer, sizeof answer) != sizeof answer) {
    return Error(ErrorKind::kInternal, what + ": the child " + (*ended)->describe());
  }
  if (answer.err != 0) return Error::fromErrno(answer.err, what);
  return std::string(answer.path.data());
}

}  // namespace efs::mounts
