#include "efs/loop/event_loop.h"

#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>

namespace efs::loop {
namespace {

constexpr std::size_t kEventsPerTurn = 64;
constexpr Duration kLongWait{60000};

std::uint64_t token(std::uint32_t slot, std::uint32_t generation) {
  return (static_cast<std::uint64_t>(generation) << 32U) | slot;
}

}  // namespace

EventLoop::Watch& EventLoop::Watch::operator=(Watch&& other) noexcept {
  if (this == &other) return *this;
  reset();
  loop_ = std::exchange(other.loop_, nullptr);
  slot_ = other.slot_;
  return *this;
}

void EventLoop::Watch::reset() {
  EventLoop* loop = std::exchange(loop_, nullptr);
  if (loop == nullptr) return;
  Slot& slot = loop->slots_[slot_];
  // A descriptor that was closed before us is already out of the set; both errors mean just that.
  (void)::epoll_ctl(loop->epoll_.get(), EPOLL_CTL_DEL, slot.fd, nullptr);
  slot.used = false;
  slot.requeued = false;
  ++slot.generation;
  slot.handler = nullptr;
  loop->free_slots_.push_back(slot_);
}

EventLoop::Timer& EventLoop::Timer::operator=(Timer&& other) noexcept {
  if (this == &other) return *this;
  reset();
  loop_ = std::exchange(other.loop_, nullptr);
  key_ = other.key_;
  return *this;
}

void EventLoop::Timer::reset() {
  EventLoop* loop = std::exchange(loop_, nullptr);
  if (loop != nullptr) loop->timers_.erase(key_);
}

bool EventLoop::Timer::armed() const { return loop_ != nullptr && loop_->timers_.contains(key_); }

Result<std::unique_ptr<EventLoop>> EventLoop::create(const Clock& clock) {
  UniqueFd epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll.valid()) return Error::fromErrno(errno, "epoll_create1");
  return std::unique_ptr<EventLoop>(new EventLoop(clock, std::move(epoll)));
}

Result<EventLoop::Watch> EventLoop::watch(int fd, std::uint32_t events, Handler handler) {
  if (free_slots_.empty()) {
    free_slots_.push_back(static_cast<std::uint32_t>(slots_.size()));
    slots_.emplace_back();
    // So that neither requeue() nor Watch::reset() has to allocate. Both lists of requeued watches:
    // they are swapped each turn, and this may be a handler of the one that runs.
    free_slots_.reserve(slots_.capacity());
    requeued_.reserve(slots_.capacity());
    running_.reserve(slots_.capacity());
  }
  const std::uint32_t index = free_slots_.back();
  Slot& slot = slots_[index];
  epoll_event event{};
  event.events = events;
  event.data.u64 = token(index, slot.generation);
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0)
    return Error::fromErrno(errno, "epoll_ctl");
  free_slots_.pop_back();
  slot.fd = fd;
  slot.used = true;
  slot.handler = std::move(handler);
  Watch watch;
  watch.loop_ = this;
  watch.slot_ = index;
  return watch;
}

void EventLoop::requeue(const Watch& watch) {
  if (watch.loop_ != this) return;
  Slot& slot = slots_[watch.slot_];
  if (slot.requeued) return;
  slot.requeued = true;
  requeued_.emplace_back(watch.slot_, slot.generation);
}

EventLoop::Timer EventLoop::after(Duration delay, Action action) {
  Timer timer;
  timer.loop_ = this;
  timer.key_ = {clock_.monotonic() + delay, next_timer_++};
  timers_.emplace(timer.key_, std::move(action));
  return timer;
}

Status EventLoop::run() {
  stopped_ = false;
  while (!stopped_) EFS_CHECK(runOnce(kLongWait));
  return {};
}

Status EventLoop::runOnce(Duration patience) {
  std::array<epoll_event, kEventsPerTurn> events{};
  if (before_wait_) patience = std::min(patience, before_wait_().value_or(patience));
  const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()),
                                 waitMillis(patience));
  if (count < 0 && errno != EINTR) return Error::fromErrno(errno, "epoll_wait");
  running_.swap(requeued_);
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    dispatch(static_cast<std::uint32_t>(event.data.u64),
             static_cast<std::uint32_t>(event.data.u64 >> 32U), event.events);
  }
  runRequeued();
  runTimers();
  return {};
}

void EventLoop::dispatch(std::uint32_t slot, std::uint32_t generation, std::uint32_t events) {
  if (!slots_[slot].used || slots_[slot].generation != generation) return;
  // Taken out for the call: the handler may end its own watch, or add one and move slots_.
  Handler handler = std::move(slots_[slot].handler);
  handler(events);
  if (slots_[slot].used && slots_[slot].generation == generation)
    slots_[slot].handler = std::move(handler);
}

void EventLoop::runRequeued() {
  // By index and by value: a handler that watches makes watch() move the list.
  for (std::size_t i = 0; i < running_.size(); ++i) {
    const auto [slot, generation] = running_[i];
    if (slots_[slot].generation != generation) continue;
    slots_[slot].requeued = false;
    dispatch(slot, generation, 0);
  }
  running_.clear();
}

void EventLoop::runTimers() {
  const MonoTime now = clock_.monotonic();
  const std::uint64_t first_new = next_timer_;
  auto next = timers_.begin();
  while (next != timers_.end() && next->first.first <= now) {
    if (next->first.second >= first_new) {
      ++next;
      continue;
    }
    const auto node = timers_.extract(next);
    node.mapped()();
    next = timers_.begin();  // the action may have changed anything
  }
}

int EventLoop::waitMillis(Duration patience) const {
  if (!requeued_.empty() || stopped_) return 0;
  Duration wait = std::clamp(patience, Duration{0}, kLongWait);
  if (!timers_.empty()) {
    // Rounded up: waking before the timer is due would spin.
    const auto left = timers_.begin()->first.first - clock_.monotonic();
    wait = std::clamp(std::chrono::ceil<Duration>(left), Duration{0}, wait);
  }
  return static_cast<int>(wait.count());
}

}  // namespace efs::loop
