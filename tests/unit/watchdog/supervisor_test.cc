// The life of a mount under the whole Supervisor.
#include <signal.h>

#include "daemon/status_report.h"
#include "supervisor_world.h"

namespace efs::watchdog {
namespace {

using ::testing::IsEmpty;

TEST_F(SupervisorTest, LooksAfterAMountFromItsAdoptionToItsEnd) {
  mount();
  pass(std::chrono::seconds(1));
  ASSERT_TRUE(record().tunnel);
  const pid_t first = record().tunnel->pid();
  EXPECT_EQ(world_.log.count("supervising the tunnel with PID"), 1U);
  EXPECT_EQ(world_.host.stored.count(kName), 1U);

  // It lived long enough to be replaced at once, behind the same listener.
  pass(std::chrono::seconds(20));
  world_.host.end(*world_.host.all.front(), SIGSEGV);
  EXPECT_EQ(world_.host.open_ports.count(kPort), 1U) << "the port stays open";
  pass(std::chrono::seconds(1));
  ASSERT_TRUE(record().tunnel);
  EXPECT_NE(record().tunnel->pid(), first);
  EXPECT_EQ(world_.host.alive(kPort), 1U);
  EXPECT_EQ(store_.read(kName)->pid, record().tunnel->pid());
  ASSERT_FALSE(record().because.empty());
  EXPECT_EQ(record().because.front().what, "start tunnel");
  EXPECT_EQ(record().because.front().why, "its tunnel is dead");
  EXPECT_EQ(reportStatus(supervisor_->records(), supervisor_->view()).mounts.front().restarts, 1);

  unmount();
  pass(std::chrono::seconds(70));  // the kernel may have to come back to the new tunnel
  EXPECT_EQ(world_.log.count("TLS tunnel for " + kName + " is not running"), 1U);
  EXPECT_EQ(world_.log.count("Unmount grace period expired for " + kName), 1U);
  EXPECT_EQ(world_.log.count("Cleaned up the state of " + kName), 1U);
  EXPECT_THAT(supervisor_->records(), IsEmpty());
  EXPECT_THAT(world_.files.paths(), IsEmpty());
  EXPECT_THAT(world_.host.open_ports, IsEmpty());
  EXPECT_THAT(world_.host.stored, IsEmpty());
  EXPECT_EQ(world_.host.alive(kPort), 0U);
}

TEST_F(SupervisorTest, TellsOnceWhyNoTunnelStarts) {
  mount();
  pass(std::chrono::seconds(20));
  world_.host.starts_nothing = true;
  world_.host.end(*world_.host.all.front(), SIGSEGV);
  pass(std::chrono::minutes(5));
  EXPECT_EQ(world_.log.count("Watchdog failed to start the TLS tunnel for " + kName), 1U);
  world_.host.starts_nothing = false;
  pass(std::chrono::minutes(1));
  EXPECT_EQ(world_.host.alive(kPort), 1U);
}

// As many clean-ups run as may; who waits for a place is next as soon as there is one.
TEST_F(SupervisorTest, CleansUpTheNextMountWhenAPlaceIsFree) {
  constexpr int kMounts = 18;  // two more than places
  const auto nameOf = [](int port) { return "fs-0123456789abcdef0.mnt." + std::to_string(port); };
  for (int port = kPort; port < kPort + kMounts; ++port) mount(port, nameOf(port));
  pass(std::chrono::seconds(20));
  unmount();
  for (int port = kPort; port < kPort + kMounts; ++port) supervisor_->noteUnmounted(nameOf(port));
  for (int turn = 0; turn < 10; ++turn) pass(std::chrono::milliseconds(1));
  EXPECT_EQ(supervisor_->records().size(), 0U) << "nobody waits for its next time";
}

// Issue 11, B19: 566 changes among 1,520 mounts in 10 s cost 920 ms. Each costs a reading.
TEST_F(SupervisorTest, ReadsTheMountTableAFewTimesHoweverOftenItChanges) {
  const auto readings = [this](int changes) {
    pass(std::chrono::seconds(2));
    world_.kernel.reads = 0;
    for (int i = 0; i < changes; ++i) {
      supervisor_->mountsChanged();
      pass(Duration(17));
    }
    pass(std::chrono::seconds(2));
    return world_.kernel.reads;
  };
  EXPECT_EQ(readings(1), 1) << "the last change is always seen";
  EXPECT_LE(readings(566), 12) << "nothing to supervise";
  mount();
  EXPECT_LE(readings(566), 110);
  unmount();
  pass(std::chrono::seconds(10));
  EXPECT_THAT(supervisor_->records(), IsEmpty());
}

// Issue 11, 31: what a probe found out is no longer true when bytes have moved since.
TEST_F(SupervisorTest, KillsNoTunnelThatHasReadSinceItIgnoredAProbe) {
  world_.host.page.emplace();
  auto& numbers = world_.host.page->numbers;
  numbers.remembers = numbers.clients = numbers.outstanding = numbers.connections_total = 1;
  numbers.bytes_up = numbers.bytes_down = 1000;
  mount();
  world_.host.page->facts.pid = world_.host.all.front()->pid;
  world_.host.page->numbers.waiting_since = static_cast<std::uint64_t>(
      std::chrono::duration_cast<Duration>(world_.clock.monotonic().time_since_epoch()).count());
  pass(std::chrono::seconds(9));
  EXPECT_TRUE(record().health.ignored_probe);
  numbers.bytes_up += 100;
  pass(std::chrono::seconds(5));
  EXPECT_FALSE(record().health.ignored_probe);
  EXPECT_TRUE(record().progress.health.hung_since);
  EXPECT_EQ(world_.log.count("replacing its tunnel"), 0U);
  EXPECT_TRUE(world_.host.all.front()->alive);
}

// The rule above all others.
TEST_F(SupervisorTest, StopsNoTunnelWhoseMountTheKernelStillHolds) {
  mount();
  pass(std::chrono::seconds(60));
  world_.kernel.mounted.clear();  // lazily detached, with files open
  supervisor_->mountsChanged();
  pass(std::chrono::hours(2));
  EXPECT_EQ(world_.host.alive(kPort), 1U);
  EXPECT_FALSE(world_.files.paths().empty());
  unmount();
  pass(std::chrono::seconds(10));
  EXPECT_EQ(world_.host.alive(kPort), 0U);
  EXPECT_THAT(world_.files.paths(), IsEmpty());
}

// Unknown is no "no": a file that is deleted while nobody can tell what is mounted.
TEST_F(SupervisorTest, ForgetsNoMountWhileTheMountTableCannotBeRead) {
  mount();
  pass(std::chrono::seconds(1));
  world_.kernel.unreadable = true;
  ASSERT_TRUE(world_.files.remove(store_.paths(kName).state));
  supervisor_->stateChanged();
  pass(std::chrono::seconds(2));
  EXPECT_EQ(supervisor_->records().count(kName), 1U);
}

// The event of an unmount comes once; whoever could not read the table then looks again.
TEST_F(SupervisorTest, ReadsAMountTableAgainThatCouldNotBeRead) {
  mount();
  pass(std::chrono::seconds(60));
  world_.kernel.unreadable = true;
  unmount();
  pass(std::chrono::seconds(60));
  EXPECT_EQ(world_.host.alive(kPort), 1U);
  world_.kernel.unreadable = false;
  pass(std::chrono::seconds(10));
  EXPECT_EQ(world_.host.alive(kPort), 0U);
  EXPECT_THAT(world_.files.paths(), IsEmpty());
}

// The roots may have been lost, and the connection made anew, before this watchdog was there.
TEST_F(SupervisorTest, AsksEachRootOnceAfterItsStartAndNotAllAtOnce) {
  constexpr int kMounts = 50;
  for (int i = 0; i < kMounts; ++i) {
    mount(kPort + i, "fs-0123456789abcdef0.mnt.efs." + std::to_string(kPort + i));
  }
  pass(std::chrono::seconds(4));
  EXPECT_EQ(world_.children.roots_asked, 0);
  pass(std::chrono::seconds(10));
  EXPECT_EQ(world_.children.roots_asked, kMounts);
  EXPECT_LE(world_.children.most_at_once, 16U);
  pass(std::chrono::hours(1));
  EXPECT_EQ(world_.children.roots_asked, kMounts);
}

// The path leads to what covers it; the roots may have been lost all the same.
TEST_F(SupervisorTest, AsksARootThatWasCoveredWhenItIsInSightAgain) {
  mount();
  const auto below = world_.kernel.mounted.front();
  world_.kernel.mounted.push_back({.id = 7,
                                   .parent_id = below.id,
                                   .device = 7,
                                   .root = "/",
                                   .source = "tmpfs",
                                   .target = below.target,
                                   .fs_type = "tmpfs",
                                   .options = "rw"});
  pass(std::chrono::minutes(5));
  EXPECT_EQ(world_.children.roots_asked, 0);
  world_.kernel.mounted.pop_back();
  supervisor_->mountsChanged();
  pass(std::chrono::seconds(31));
  EXPECT_EQ(world_.children.roots_asked, 1);
}

}  // namespace
}  // namespace efs::watchdog
