#include "directory_watch.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace efs::watchdog {

Result<DirectoryWatch> DirectoryWatch::create(const std::string& directory) {
  UniqueFd fd(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (!fd.valid()) return Error::fromErrno(errno, "creating an inotify instance");
  constexpr std::uint32_t kMask = IN_CREATE | IN_CLOSE_WRITE | IN_DELETE | IN_MOVED_FROM |
                                  IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;
  if (::inotify_add_watch(fd.get(), directory.c_str(), kMask) < 0) {
    return Error::fromErrno(errno, "watching directory " + directory);
  }
  return DirectoryWatch(std::move(fd));
}

bool DirectoryWatch::drain() {
  bool alive = true;
  alignas(inotify_event) std::array<char, 16384> buffer{};
  while (true) {
    const ssize_t got = ::read(fd_.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return alive;
    // The kernel writes whole records (inotify(7)).
    for (const char* at = buffer.data(); at < buffer.data() + got;) {
      const auto* event = reinterpret_cast<const inotify_event*>(at);
      if ((event->mask & (IN_IGNORED | IN_DELETE_SELF | IN_MOVE_SELF)) != 0) alive = false;
      at += sizeof(inotify_event) + event->len;
    }
  }
}

}  // namespace efs::watchdog
