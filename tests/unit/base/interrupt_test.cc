#include "efs/base/interrupt.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <thread>

#include "efs/base/subprocess.h"
#include "efs/base/wait.h"

namespace efs {
namespace {

constexpr Duration kPatience(20000);

int exitCodeOf(int (*function)()) {
  auto child = Subprocess::fork(function);
  if (!child) return -1;
  const auto ended = child->wait(kPatience);
  if (!ended || !*ended) child->killAndReap();
  return ended && *ended ? (*ended)->code : -1;
}

int stopAThreadBySignal() {
  catchInterrupts();
  std::thread asking([] {
    while (interrupted() == 0) std::this_thread::yield();
  });
  ::raise(SIGTERM);
  asking.join();
  return interrupted();
}

// mount.efs asks the metadata service in a thread while its first thread takes the signals.
TEST(Interrupt, IsSeenInEveryThread) { EXPECT_EQ(exitCodeOf(stopAThreadBySignal), SIGTERM); }

int waitAfterASignal() {
  catchInterrupts();
  ::raise(SIGTERM);
  if (!waitReady(-1, 0, Duration(0))) return 1;  // a mere look
  const auto slept = sleepFor(2 * kPatience);
  if (slept || slept.error().kind() != ErrorKind::kCancelled) return 2;
  return sleepFor(Duration(10)) ? 0 : 3;  // what was begun can be undone
}

// A signal while the program computes used to be noticed when the next wait was over.
TEST(Interrupt, EndsTheNextWaitAndNoOther) { EXPECT_EQ(exitCodeOf(waitAfterASignal), 0); }

int waitAfterANoticedSignal() {
  catchInterrupts();
  ::raise(SIGTERM);
  if (interrupted() != SIGTERM) return 1;
  return sleepFor(Duration(10)) ? 0 : 2;
}

TEST(Interrupt, EndsNoWaitOnceItWasNoticed) { EXPECT_EQ(exitCodeOf(waitAfterANoticedSignal), 0); }

}  // namespace
}  // namespace efs
