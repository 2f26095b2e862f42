// Waiting for descriptors with a deadline: the one place that knows about EINTR and interrupts.
#pragma once

#include <poll.h>

#include <cstddef>

#include "efs/base/clock.h"
#include "efs/base/result.h"

namespace efs {

// poll(2) for several descriptors: how many are ready, 0 also after a signal that is nobody's wish
// to stop. kCancelled when the program was asked to stop, also in the instant before the wait (but
// a mere look, with no patience, is never cancelled).
Result<int> pollReady(pollfd* entries, std::size_t count, Duration patience);

// Waits until poll(2) reports any of `events` (or an error condition) on `fd`. False when the
// deadline passed first. kCancelled when the program was asked to stop (interrupt.h).
Result<bool> waitReady(int fd, short events, const Deadline& deadline);
Result<bool> waitReady(int fd, short events, Duration patience);

// Sleeps; kCancelled when the program was asked to stop.
Status sleepFor(Duration time);

}  // namespace efs
