#include "efs/mounts/place.h"

#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "efs/base/ask_child.h"
#include "efs/base/text.h"

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
  EFS_TRY(asked, askChild(patience, [&path](int out) {
            const Answer answer = lookHere(path);
            return ::write(out, &answer, sizeof answer) == sizeof answer ? 0 : 1;
          }));
  if (auto exited = asked.exited(what); !exited) {
    const bool late = asked.end == ChildAnswer::End::kTimedOut;
    return late ? exited.error().addHint(
                      "a file system on its path does not answer; findmnt shows them")
                : exited.error();
  }
  Answer answer;
  if (asked.text.size() != sizeof answer) {
    return Error(ErrorKind::kInternal, what + ": the child " + asked.status.describe());
  }
  std::memcpy(&answer, asked.text.data(), sizeof answer);
  if (answer.err != 0) return Error::fromErrno(answer.err, what);
  return std::string(answer.path.data());
}

}  // namespace efs::mounts
