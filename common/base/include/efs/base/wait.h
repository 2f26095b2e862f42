// Waiting for one descriptor with a deadline: the one place that knows about EINTR and interrupts.
#pragma once

#include "efs/base/clock.h"
#include "efs/base/result.h"

namespace efs {

// Waits until poll(2) reports any of `events` (or an error condition) on `fd`. False when the
// deadline passed first. kCancelled when the program was asked to stop (interrupt.h).
Result<bool> waitReady(int fd, short events, const Deadline& deadline);
Result<bool> waitReady(int fd, short events, Duration patience);

// Sleeps; kCancelled when the program was asked to stop.
Status sleepFor(Duration time);

}  // namespace efs
