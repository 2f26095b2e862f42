// StageLog: how long each stage of a mount took, at level debug; tests/bench/mount_time.py reads
// it.
#pragma once

#include <chrono>

#include "efs/base/clock.h"

namespace efs::mount_helper {

class StageLog {
 public:
  // The first stage's waiting begins now, its computing with the process: what the loader did
  // before main() counts.
  explicit StageLog(const Clock& clock) : clock_(clock), begin_(clock.monotonic()) {}

  // Ends the current stage, naming it, and begins the next one. The line tells the time that
  // passed, the processor time of this process in it, and this process's peak of resident memory
  // so far, all without its children:
  // "stage credentials: 2.10 ms, 0.31 ms computing, peak 6144 KiB".
  void end(const char* stage);

 private:
  const Clock& clock_;
  MonoTime begin_;
  std::chrono::microseconds computed_{0};
};

}  // namespace efs::mount_helper
