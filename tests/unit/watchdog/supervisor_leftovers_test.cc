// What a mount has left of which its maker, or its state file, is gone.
#include "supervisor_world.h"

namespace efs::watchdog {
namespace {

using ::testing::IsEmpty;

// A mount.efs that died before it wrote a state file; nothing else would ever free its port.
TEST_F(SupervisorTest, RemovesWhatAMountHasLeftThatFailedBeforeItsStateFile) {
  const auto paths = store_.paths(kName);
  ASSERT_TRUE(world_.files.write(paths.tunnel_config, "connect = 10.0.0.1:2049\n", 0600));
  ASSERT_TRUE(world_.files.write(paths.certificate, "pem", 0600));
  const auto minutes = [this](int count) {
    for (int i = 0; i < count; ++i) {
      pass(std::chrono::minutes(1));
      supervisor_->retry();
    }
  };
  minutes(9);
  EXPECT_THAT(world_.files.paths(), ::testing::SizeIs(2)) << "it may be under way";
  // Its port is in use: then it stays.
  world_.kernel.clients.insert(kPort);
  minutes(20);
  EXPECT_THAT(world_.files.paths(), ::testing::SizeIs(2));
  world_.kernel.clients.clear();
  minutes(1);
  pass(std::chrono::seconds(1));
  EXPECT_THAT(world_.files.paths(), IsEmpty());
}

// A maker that was killed after the start of its tunnel, before it noted the PID.
TEST_F(SupervisorTest, EndsATunnelThatItsMakerDidNotNote) {
  EXPECT_FALSE(runsAfterItsMakerDied("efs-proxy\n" + store_.paths(kName).tunnel_config));
}

// No tunnel has the PID that stands for none.
TEST_F(SupervisorTest, EndsATunnelOfWhichTheFileNamesProcessOne) {
  EXPECT_FALSE(runsAfterItsMakerDied("efs-proxy\n" + store_.paths(kName).tunnel_config, 1));
}

// Whoever listens there with another configuration is somebody else's.
TEST_F(SupervisorTest, LeavesATunnelOfSomebodyElseOnThePortOfAMountThatFailed) {
  EXPECT_TRUE(runsAfterItsMakerDied("efs-proxy\n/srv/efs/stunnel-config." + kName));
}

// The file went while no watchdog ran, and the mount with it.
TEST_F(SupervisorTest, EndsATunnelWhoseStateFileAndMountAreGone) {
  mount();
  const auto tunnel = world_.host.all.front();
  noteCommandLine(*tunnel, "efs-proxy\n" + store_.paths(kName).tunnel_config);
  supervisor_.reset();
  ASSERT_TRUE(world_.files.remove(store_.paths(kName).state));
  world_.kernel.mounted.clear();
  restart();
  sweepFor(12);
  EXPECT_TRUE(tunnel->alive) << "the kernel says good bye through it";
  world_.kernel.clients.clear();
  sweepFor(3);
  EXPECT_FALSE(tunnel->alive);
  EXPECT_THAT(world_.files.paths(), IsEmpty());
}

// The kernel says good bye through a port without a state file; between two of its connections
// nothing shows that.
TEST_F(SupervisorTest, KeepsAPortWhoseClientIsAwayForAMoment) {
  mount();
  pass(std::chrono::seconds(1));
  supervisor_.reset();
  ASSERT_TRUE(world_.files.remove(store_.paths(kName).state));
  world_.kernel.mounted.clear();
  restart();
  ASSERT_TRUE(supervisor_->takeListener(
      kName, std::make_unique<small::PortHandle>(world_.host.open_ports, kPort)));
  const auto isKeptFor = [this](int seconds) {
    for (int i = 0; i < seconds; i += 5) pass(std::chrono::seconds(5));
    return world_.host.stored.count(kName) != 0;
  };
  EXPECT_TRUE(isKeptFor(40));
  world_.kernel.clients.clear();
  EXPECT_TRUE(isKeptFor(45));
  world_.kernel.clients.insert(kPort);
  EXPECT_TRUE(isKeptFor(60));
  world_.kernel.clients.clear();
  EXPECT_FALSE(isKeptFor(150));
}

}  // namespace
}  // namespace efs::watchdog
