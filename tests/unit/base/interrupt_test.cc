#include "efs/base/interrupt.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <thread>

#include "efs/base/subprocess.h"

namespace efs {
namespace {

constexpr Duration kPatience(20000);

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
TEST(Interrupt, IsSeenInEveryThread) {
  auto child = Subprocess::fork(stopAThreadBySignal);
  ASSERT_TRUE(child.has_value());
  const auto ended = child->wait(kPatience);
  if (!ended || !*ended) child->killAndReap();
  ASSERT_TRUE(ended && *ended);
  EXPECT_EQ((*ended)->code, SIGTERM) << (*ended)->describe();
}

}  // namespace
}  // namespace efs
