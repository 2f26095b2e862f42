#include "daemon/directory_watch.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace efs::watchdog {

namespace {

Error failure(const std::string& directory) {
  const int err = errno;
  Error error = Error::fromErrno(err, "watching directory " + directory);
  if (err == ENOSPC) error.addHint("raise fs.inotify.max_user_watches");
  return error;
}

}  // namespace

Result<DirectoryWatch> DirectoryWatch::create(const std::string& directory) {
  UniqueFd fd(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (!fd.valid()) {
    return Error::fromErrno(errno, "creating an inotify instance")
        .addHint("raise fs.inotify.max_user_instances");
  }
  constexpr std::uint32_t kMask = IN_CREATE | IN_CLOSE_WRITE | IN_DELETE | IN_MOVED_FROM |
                                  IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;
  const int first = ::inotify_add_watch(fd.get(), directory.c_str(), kMask);
  if (first < 0) return failure(directory);
  return DirectoryWatch(std::move(fd), first);
}

Status DirectoryWatch::add(const std::string& directory) const {
  constexpr std::uint32_t kMask =
      IN_CLOSE_WRITE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ONLYDIR;
  if (::inotify_add_watch(fd_.get(), directory.c_str(), kMask) < 0) return failure(directory);
  return {};
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
      const bool ended = (event->mask & (IN_IGNORED | IN_DELETE_SELF | IN_MOVE_SELF)) != 0;
      if (ended && event->wd == first_) alive = false;
      at += sizeof(inotify_event) + event->len;
    }
  }
}

}  // namespace efs::watchdog
