// SIGINT, SIGTERM and SIGHUP as a wish to stop: a run-to-completion program notices it at its next
// wait and undoes what it did, instead of dying half-way.
//
// After catchInterrupts() a signal ends the wait that runs, or if none does the next one, with
// kCancelled (wait.h). Later waits wait again: what was begun can be undone. Who goes on after a
// failed step, or puts another error in the place of a wait's, asks interrupted() first.
#pragma once

#include "efs/base/error.h"

namespace efs {

// Also ignores SIGPIPE: writing to a reader that has gone is an error, not the end.
void catchInterrupts();
// The signal that asked to stop, 0 if none. Who asks has noticed it: no wait ends because of it
// now.
int interrupted();
// For waits: true once after a signal that nobody has noticed.
bool takeInterrupt();
// kCancelled, "interrupted by signal <n>".
Error interruptedError();

}  // namespace efs
