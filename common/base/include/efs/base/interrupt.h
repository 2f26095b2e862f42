// SIGINT, SIGTERM and SIGHUP as a wish to stop: a run-to-completion program notices it at its next
// wait and undoes what it did, instead of dying half-way.
//
// After catchInterrupts() a signal makes poll(2) return EINTR; every wait of ours then asks
// interrupted() and gives up with kCancelled. A signal in the instant before a wait is noticed when
// that wait ends: all waits are bounded. Who goes on after a failed step, or puts another error in
// the place of a wait's, asks interrupted() first.
#pragma once

#include "efs/base/error.h"

namespace efs {

// Also ignores SIGPIPE: writing to a reader that has gone is an error, not the end.
void catchInterrupts();
// The signal that asked to stop, 0 if none.
int interrupted();
// kCancelled, "interrupted by signal <n>".
Error interruptedError();

}  // namespace efs
