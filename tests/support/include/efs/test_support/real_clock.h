// RealClock: the machine's clock, for a unit test in which something that is no part of the test
// takes its time: the kernel, a socket, a child process. The only way to it in tests/unit (the tidy
// test sees to that); elsewhere time is an argument, a FakeClock or a number.
#pragma once

#include "efs/base/clock.h"

namespace efs::test_support {

class RealClock final : public Clock {
 public:
  // `what_takes_time` is for the reader: why no FakeClock will do.
  explicit RealClock([[maybe_unused]] const char* what_takes_time) {}

  WallTime now() const override { return clock_.now(); }
  MonoTime monotonic() const override { return clock_.monotonic(); }

 private:
  SystemClock clock_;
};

}  // namespace efs::test_support
