// State files and configurations that somebody deleted, broke, or had no room for.
#include <signal.h>

#include "supervisor_world.h"

namespace efs::watchdog {
namespace {

using ::testing::IsEmpty;

// Issue 11, A5: rm -rf of the state directory's content.
TEST_F(SupervisorTest, ReplacesATunnelAfterAllFilesOfItsMountAreGone) {
  mount();
  pass(std::chrono::seconds(20));
  const auto paths = store_.paths(kName);
  const std::string config = world_.files.read(paths.tunnel_config, 4096).value();
  for (const auto& path : world_.files.paths()) ASSERT_TRUE(world_.files.remove(path));
  supervisor_->stateChanged();
  pass(std::chrono::seconds(2));
  world_.host.end(*world_.host.all.front(), SIGSEGV);
  pass(std::chrono::seconds(2));
  EXPECT_EQ(world_.host.alive(kPort), 1U);
  EXPECT_EQ(world_.files.read(paths.tunnel_config, 4096).value(), config);
  EXPECT_EQ(world_.log.count("the configuration of its tunnel is gone, written again"), 1U);
  EXPECT_EQ(store_.read(kName)->pid, record().tunnel->pid());
}

// Who knows the configuration by heart may die before a tunnel needs it.
TEST_F(SupervisorTest, WritesALostConfigurationAgainBeforeATunnelNeedsIt) {
  for (const bool state_too : {false, true}) {
    if (!state_too) mount();
    pass(std::chrono::seconds(20));
    const auto paths = store_.paths(kName);
    ASSERT_TRUE(world_.files.remove(paths.tunnel_config));
    if (state_too) {
      ASSERT_TRUE(world_.files.remove(paths.state));
    }
    supervisor_->stateChanged();
    pass(std::chrono::seconds(2));
    if (!state_too) supervisor_->retry();
    EXPECT_TRUE(world_.files.isRegular(paths.tunnel_config)) << state_too;
    restart();
    pass(std::chrono::seconds(20));
    world_.host.end(*world_.host.all.back(), SIGSEGV);
    pass(std::chrono::seconds(2));
    EXPECT_EQ(world_.host.alive(kPort), 1U) << state_too;
  }
}

// A file that somebody deletes under a live mount is written again from memory.
TEST_F(SupervisorTest, WritesTheStateOfALiveMountAgain) {
  mount();
  pass(std::chrono::seconds(1));
  ASSERT_TRUE(world_.files.remove(store_.paths(kName).state));
  supervisor_->stateChanged();
  pass(std::chrono::seconds(2));
  const auto again = store_.read(kName);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->pid, record().tunnel->pid());
}

// One that is deleted after the unmount, while the kernel still says good bye: without a record
// nobody would end the tunnel, and its port would be lost.
TEST_F(SupervisorTest, EndsATunnelWhoseStateFileWentBeforeItsLastClient) {
  mount();
  pass(std::chrono::seconds(60));
  world_.kernel.mounted.clear();
  supervisor_->mountsChanged();
  pass(std::chrono::seconds(1));
  ASSERT_TRUE(world_.files.remove(store_.paths(kName).state));
  supervisor_->stateChanged();
  pass(std::chrono::seconds(30));
  EXPECT_EQ(world_.host.alive(kPort), 1U) << "it is in use";
  unmount();
  pass(std::chrono::seconds(10));
  EXPECT_EQ(world_.host.alive(kPort), 0U);
  EXPECT_THAT(world_.files.paths(), IsEmpty());
  EXPECT_THAT(world_.host.open_ports, IsEmpty());
}

// A disk that is full when a lost state is to be written: the mount is looked after all the same.
TEST_F(SupervisorTest, RebuildsALostStateInMemoryWhileTheDiskIsFull) {
  mount();
  ASSERT_TRUE(world_.files.remove(store_.paths(kName).state));
  world_.files.full = true;
  pass(std::chrono::minutes(3));
  EXPECT_EQ(world_.log.count("is mounted without a state file"), 1U);
  ASSERT_EQ(supervisor_->records().count(kName), 1U);
  EXPECT_TRUE(record().tunnel);
  world_.files.full = false;
  supervisor_->retry();
  EXPECT_TRUE(store_.read(kName));
}

// A file that tells nothing, of a mount that is gone: its tunnel and its files go like others'.
TEST_F(SupervisorTest, ClearsAnUnmountedMountWhoseStateFileIsBroken) {
  mount();
  pass(std::chrono::seconds(1));
  supervisor_.reset();
  ASSERT_TRUE(world_.files.write(store_.paths(kName).state, "{", 0600));
  world_.kernel.mounted.clear();
  world_.kernel.clients.clear();
  restart();
  pass(std::chrono::minutes(3));
  EXPECT_EQ(world_.host.alive(kPort), 0U);
  EXPECT_THAT(world_.files.paths(), IsEmpty());
}

// The same without its copy and without a configuration: ten minutes of nobody's interest.
TEST_F(SupervisorTest, RemovesABrokenStateFileOfWhichNothingElseIsLeft) {
  ASSERT_TRUE(world_.files.write(store_.paths(kName).state, "{", 0600));
  pass(std::chrono::minutes(9));
  EXPECT_EQ(world_.files.paths().size(), 1U);
  pass(std::chrono::minutes(6));
  EXPECT_THAT(world_.files.paths(), IsEmpty());
}

}  // namespace
}  // namespace efs::watchdog
