// Which tunnel a mount has, where its files do not tell it plainly.
#include <signal.h>

#include "supervisor_world.h"

namespace efs::watchdog {
namespace {

using ::testing::IsEmpty;

TEST_F(SupervisorTest, AnotherWatchdogGoesOnWithTheSameTunnelAndListener) {
  mount();
  pass(std::chrono::seconds(1));
  const pid_t tunnel = record().tunnel->pid();
  restart();
  EXPECT_EQ(world_.host.alive(kPort), 1U);
  pass(std::chrono::seconds(1));
  ASSERT_TRUE(record().tunnel);
  EXPECT_EQ(record().tunnel->pid(), tunnel);
  EXPECT_EQ(record().restarts, 0);
}

// The state file could not be written when the tunnel was replaced, and its pid is a process of a
// sandbox by now: the tunnel is the one that listens.
TEST_F(SupervisorTest, FindsATunnelByItsPortWhereThePidOfTheFileMayNotBeLookedAt) {
  mount();
  world_.host.forbidden.insert(world_.host.all.front()->pid);
  world_.host.end(*world_.host.all.front(), SIGKILL);
  const auto other = world_.host.spawn(kPort);
  pass(std::chrono::seconds(6));
  ASSERT_TRUE(record().tunnel);
  EXPECT_EQ(record().tunnel->pid(), other->pid);
  EXPECT_EQ(store_.read(kName)->pid, other->pid);
}

TEST_F(SupervisorTest, TakesATunnelForDeadThatMayNotBeLookedAtAndAcceptsNothing) {
  mount();
  world_.host.forbidden.insert(world_.host.all.front()->pid);
  world_.host.unaccepted.insert(kPort);
  pass(std::chrono::seconds(2));
  EXPECT_EQ(world_.log.count("is taken for dead"), 0U);
  pass(std::chrono::seconds(3));
  EXPECT_EQ(world_.log.count("is taken for dead"), 1U);
}

// A guest that was paused, a host out of memory: whoever accepts comes to his turn after us.
TEST_F(SupervisorTest, DoesNotTakeATunnelForDeadThatStoodStillAsTheWatchdogDid) {
  mount();
  world_.host.forbidden.insert(world_.host.all.front()->pid);
  world_.host.unaccepted.insert(kPort);
  pass(std::chrono::seconds(1));
  for (int pause = 0; pause < 2; ++pause) {
    world_.clock.advance(std::chrono::seconds(30));
    pass(std::chrono::milliseconds(100));
  }
  world_.host.unaccepted.clear();
  pass(std::chrono::seconds(10));
  EXPECT_EQ(world_.log.count("is taken for dead"), 0U);
}

// The pid of its state file is a process of a sandbox by now; nothing ever comes to its port.
TEST_F(SupervisorTest, ClearsAnUnmountedMountWhosePidMayNotBeLookedAt) {
  mount();
  pass(std::chrono::seconds(1));
  const pid_t pid = record().tunnel->pid();
  supervisor_.reset();
  world_.host.end(*world_.host.all.front(), SIGKILL);
  world_.host.forbidden.insert(pid);
  world_.kernel.mounted.clear();
  world_.kernel.clients.clear();
  restart();
  for (auto& [name, listener] : world_.host.stored) {
    const auto& port = dynamic_cast<const small::PortHandle&>(*listener);
    ASSERT_TRUE(supervisor_->takeListener(
        name, std::make_unique<small::PortHandle>(world_.host.open_ports, port.port())));
  }
  pass(std::chrono::minutes(10));
  EXPECT_THAT(world_.files.paths(), IsEmpty());
  EXPECT_EQ(world_.host.alive(kPort), 0U);
  EXPECT_LE(world_.host.searches, 12) << "a look at all processes, once a minute at most";
}

}  // namespace
}  // namespace efs::watchdog
