// Timeline: the clock of a run, what is to happen when, and all its randomness. Same seed, same
// run.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>

#include "efs/base/clock.h"

namespace efs::watchdog::simulation {

class Timeline final : public Clock {
 public:
  // Mixed once: a state that grows with the seed as with each roll gave all seeds one stream, each
  // a roll later than the one before.
  explicit Timeline(std::uint64_t seed) : random_(seed) { random_ = next(); }

  WallTime now() const override {
    return WallTime(std::chrono::hours(24 * 365 * 55)) +
           std::chrono::duration_cast<WallTime::duration>(time_.time_since_epoch()) + offset_;
  }
  MonoTime monotonic() const override { return time_; }
  void jumpWallClock(Duration by) { offset_ += by; }

  void at(MonoTime time, std::function<void()> event) {
    events_.emplace(std::max(time, time_), std::move(event));
  }
  void in(Duration delay, std::function<void()> event) { at(time_ + delay, std::move(event)); }
  std::optional<MonoTime> nextEvent() const {
    if (events_.empty()) return std::nullopt;
    return events_.begin()->first;
  }
  // To this time, but not past the next event, which happens if it is due. True: one happened.
  bool advance(MonoTime limit);

  // [0, sides)
  int roll(int sides) { return static_cast<int>(next() % static_cast<std::uint64_t>(sides)); }
  bool oneIn(int sides) { return roll(sides) == 0; }
  // Of [low, high).
  Duration between(Duration low, Duration high) {
    return low + Duration(static_cast<Duration::rep>(
                     next() % static_cast<std::uint64_t>((high - low).count())));
  }
  double fraction() { return static_cast<double>(next() >> 11U) * 0x1.0p-53; }

 private:
  std::uint64_t next();  // splitmix64: the same on every platform

  MonoTime time_{std::chrono::hours(10)};
  WallTime::duration offset_{};
  std::multimap<MonoTime, std::function<void()>> events_;
  std::uint64_t random_;
};

}  // namespace efs::watchdog::simulation
