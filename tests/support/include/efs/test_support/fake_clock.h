// FakeClock: time that moves only when the test says so.
#pragma once

#include <chrono>

#include "efs/base/clock.h"

namespace efs::test_support {

class FakeClock final : public Clock {
 public:
  // Starts at 2026-01-02T03:04:05Z, the moment of the contract's test vectors (section 26).
  FakeClock() = default;
  explicit FakeClock(WallTime start) : wall_(start) {}

  WallTime now() const override { return wall_; }
  MonoTime monotonic() const override { return mono_; }

  // Both clocks go on, as when time simply passes.
  void advance(Duration step) {
    wall_ += step;
    mono_ += step;
  }
  // Only the wall clock jumps, as when the administrator or NTP sets it.
  void jumpWall(Duration step) { wall_ += step; }

 private:
  WallTime wall_{std::chrono::seconds(1767323045)};
  // Not zero: ages computed by subtraction must not underflow in tests only.
  MonoTime mono_{std::chrono::hours(1000)};
};

}  // namespace efs::test_support
