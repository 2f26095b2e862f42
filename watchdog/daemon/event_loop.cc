#include "daemon/event_loop.h"

#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>

namespace efs::watchdog {
namespace {

constexpr std::size_t kBatch = 64;

// A descriptor number may be reused within one batch; the generation tells old from new.
std::uint64_t tag(int fd, std::uint32_t generation) {
  return (static_cast<std::uint64_t>(generation) << 32U) | static_cast<std::uint32_t>(fd);
}

}  // namespace

Result<EventLoop> EventLoop::create() {
  UniqueFd epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll.valid()) return Error::fromErrno(errno, "creating the event loop");
  return EventLoop(std::move(epoll));
}

Status EventLoop::watch(int fd, std::uint32_t events, Handler handler) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = tag(fd, ++generation_);
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
    return Error::fromErrno(errno, "watching descriptor " + std::to_string(fd));
  }
  entries_[fd] = {generation_, std::make_shared<Handler>(std::move(handler))};
  return {};
}

void EventLoop::forget(int fd) {
  if (entries_.erase(fd) != 0) ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

Status EventLoop::runOnce(std::optional<Duration> patience) {
  std::array<epoll_event, kBatch> events{};
  const int timeout =
      patience ? static_cast<int>(std::clamp<Duration::rep>(patience->count(), 0, INT_MAX)) : -1;
  const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(kBatch), timeout);
  if (count < 0 && errno != EINTR) return Error::fromErrno(errno, "waiting for events");
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events.at(static_cast<std::size_t>(i));
    const auto found = entries_.find(static_cast<int>(event.data.u64 & 0xFFFFFFFFU));
    if (found == entries_.end() || found->second.generation != event.data.u64 >> 32U) continue;
    const auto handler = found->second.handler;
    (*handler)(event.events);
  }
  return {};
}

}  // namespace efs::watchdog
