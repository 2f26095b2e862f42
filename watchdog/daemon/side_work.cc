#include "daemon/side_work.h"

#include <sys/epoll.h>

#include <utility>

#include "efs/base/log.h"

namespace efs::watchdog {
namespace {

// Who waits longer waits for a file system that may have been replaced by another meanwhile.
constexpr Duration kLongest{30000};

}  // namespace

void SideWork::run(std::function<void()> body) {
  if (!child_) return begin(body);
  next_ = std::move(body);
  // Its end comes as an event, or never: then nothing more is begun.
  if (loop_.clock().monotonic() - started_ >= kLongest) child_->kill();
}

void SideWork::begin(const std::function<void()>& body) {
  auto child = ChildWork::start([&body](int /*out*/) {
    body();
    return 0;
  });
  if (!child) return log::debug("no child for it: {}", child.error().describe());
  auto watch = loop_.watch(child->pidFd(), EPOLLIN, [this](std::uint32_t) { ended(); });
  if (!watch) {
    child->killAndReap();
    return log::debug("no child for it: {}", watch.error().describe());
  }
  child_ = std::move(*child);
  watch_ = std::move(*watch);
  started_ = loop_.clock().monotonic();
}

void SideWork::ended() {
  watch_.reset();
  (void)child_->wait(Duration(0));
  child_.reset();
  if (const auto next = std::exchange(next_, nullptr)) begin(next);
}

}  // namespace efs::watchdog
