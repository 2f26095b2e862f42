#include "efs/base/output.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>

#include "efs/base/unique_fd.h"

namespace efs {
namespace {

constexpr std::size_t kLittle = 512;

// A way to write without waiting and without changing the shared descriptor: a pipe or terminal is
// opened once more, a socket has a flag for it. Files take what they get; so does what cannot be
// opened again (no /proc), a little at a time and only when it says that it has room.
class Outlet {
 public:
  explicit Outlet(int fd) : fd_(fd) {
    struct stat info {};
    if (::fstat(fd, &info) != 0) return;
    is_socket_ = S_ISSOCK(info.st_mode);
    if (!S_ISFIFO(info.st_mode) && !S_ISCHR(info.st_mode)) return;
    waits_ = true;
    const std::string path = "/proc/self/fd/" + std::to_string(fd);
    again_.reset(::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    if (!again_.valid()) return;
    fd_ = again_.get();
    waits_ = false;
  }
  int fd() const { return fd_; }
  ssize_t put(std::string_view text) const {
    if (is_socket_) return ::send(fd_, text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (!waits_) return ::write(fd_, text.data(), text.size());
    pollfd entry{fd_, POLLOUT, 0};
    if (::poll(&entry, 1, 0) == 1) return ::write(fd_, text.data(), std::min(text.size(), kLittle));
    errno = EAGAIN;
    return -1;
  }

 private:
  int fd_;
  bool is_socket_ = false, waits_ = false;
  UniqueFd again_;
};

}  // namespace

void say(int fd, std::string_view text, Duration patience) {
  const Outlet outlet(fd);
  const SystemClock clock;
  const Deadline deadline(clock, patience);
  while (!text.empty()) {
    const ssize_t put = outlet.put(text);
    if (put > 0) {
      text.remove_prefix(static_cast<std::size_t>(put));
    } else if (put < 0 && errno == EAGAIN && !deadline.passed()) {
      pollfd entry{outlet.fd(), POLLOUT, 0};
      (void)::poll(&entry, 1, static_cast<int>(deadline.left().count()));
    } else if (put == 0 || errno != EINTR) {
      return;
    }
  }
}

}  // namespace efs
