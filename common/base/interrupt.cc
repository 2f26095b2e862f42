#include "efs/base/interrupt.h"

#include <signal.h>

#include <atomic>

namespace efs {
namespace {

// Written by the handler only; the one thing a handler may safely do. Atomic: requests that run in
// a thread of their own ask for it too.
std::atomic<int> caught = 0;
std::atomic<bool> unnoticed = false;
static_assert(std::atomic<int>::is_always_lock_free, "a signal handler must not wait for a lock");

void remember(int signo) {
  caught = signo;
  unnoticed = true;
}

}  // namespace

void catchInterrupts() {
  struct sigaction action {};
  action.sa_handler = remember;
  sigemptyset(&action.sa_mask);
  action.sa_flags = 0;  // no SA_RESTART: waits must return
  for (const int signo : {SIGINT, SIGTERM, SIGHUP}) ::sigaction(signo, &action, nullptr);
  // A reader of our messages that went away is no reason to die half-way.
  action.sa_handler = SIG_IGN;
  ::sigaction(SIGPIPE, &action, nullptr);
}

int interrupted() {
  const int signo = caught;
  if (signo != 0) unnoticed = false;
  return signo;
}

bool takeInterrupt() { return unnoticed.exchange(false); }

Error interruptedError() {
  return {ErrorKind::kCancelled, "interrupted by signal " + std::to_string(caught)};
}

}  // namespace efs
