#include "efs/base/unique_fd.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

namespace efs {

void UniqueFd::reset(int fd) {
  // close() is never retried: on Linux the descriptor is gone even after EINTR.
  if (fd_ >= 0) ::close(fd_);
  fd_ = fd;
}

Result<UniqueFd> UniqueFd::duplicate() const {
  const int fd = ::fcntl(fd_, F_DUPFD_CLOEXEC, 0);
  if (fd < 0) return Error::fromErrno(errno, "duplicating a descriptor");
  return UniqueFd(fd);
}

Result<Pipe> makePipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return Error::fromErrno(errno, "creating a pipe");
  return Pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

Status setNonBlocking(int fd, bool on) {
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0) return Error::fromErrno(errno, "reading descriptor flags");
  const int wanted = on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
  if (::fcntl(fd, F_SETFL, wanted) != 0) return Error::fromErrno(errno, "setting O_NONBLOCK");
  return {};
}

}  // namespace efs
