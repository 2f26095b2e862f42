// Clock: the only way product code learns the time; an argument, so that tests drive it by hand.
#pragma once

#include <chrono>
#include <string>

namespace efs {

using WallTime = std::chrono::system_clock::time_point;
using MonoTime = std::chrono::steady_clock::time_point;
using Duration = std::chrono::milliseconds;

class Clock {
 public:
  virtual ~Clock() = default;
  // For certificates, state files and logs. May jump.
  virtual WallTime now() const = 0;
  // For deadlines and ages. Never jumps.
  virtual MonoTime monotonic() const = 0;
};

// The real one; made in main() and handed down.
class SystemClock final : public Clock {
 public:
  WallTime now() const override { return std::chrono::system_clock::now(); }
  MonoTime monotonic() const override { return std::chrono::steady_clock::now(); }
};

// As state files tell it: seconds since 1970, with a fraction.
inline double secondsSinceEpoch(WallTime time) {
  return std::chrono::duration<double>(time.time_since_epoch()).count();
}

// UTC by strftime(3) format, e.g. utcText(t, "%Y%m%dT%H%M%SZ").
std::string utcText(WallTime time, const char* format);

// A moment by which something must be done; copies share nothing.
class Deadline {
 public:
  Deadline(const Clock& clock, Duration from_now)
      : clock_(&clock), at_(clock.monotonic() + from_now) {}
  bool passed() const { return clock_->monotonic() >= at_; }
  // Never negative.
  Duration left() const;
  MonoTime at() const { return at_; }

 private:
  const Clock* clock_;
  MonoTime at_;
};

}  // namespace efs
