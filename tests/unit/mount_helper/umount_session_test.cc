// umount.efs where no NFS is needed: what it refuses, whom it names, and how it ends a tunnel
// without a watchdog. Unmounts of real EFS mounts are cases of tests/e2e.
#include "umount/umount_session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "efs/base/file_lock.h"
#include "efs/base/files.h"
#include "efs/base/subprocess.h"
#include "efs/net/socket.h"
#include "efs/test_support/real_clock.h"
#include "efs/test_support/temp_dir.h"
#include "efs/tunnel_control/watchdog_link.h"
#include "umount/holders.h"
#include "umount/tunnel_end.h"

namespace efs::mount_helper {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr Duration kPatience{10000};

struct UmountHelper : ::testing::Test {
  Outcome unmount(const std::string& target, bool in_namespace = false) {
    UmountCommand command;
    command.target = target;
    if (in_namespace) command.mount_namespace = "/proc/self/ns/mnt";
    return unmountEfs(command, {store, clock});
  }
  test_support::TempDir dir;
  const test_support::RealClock clock{"processes that use a mount"};
  state::StateStore store{dir.path()};
};

TEST_F(UmountHelper, RefusesWhatIsNotMounted) {
  const auto outcome = unmount(dir.path());
  EXPECT_EQ(outcome.code, 32);
  EXPECT_EQ(outcome.err, dir.path() + ": not mounted");
  EXPECT_EQ(unmount(dir.at("missing")).err, dir.at("missing") + ": not mounted");
}

TEST_F(UmountHelper, RefusesWhatIsNoEfsMount) {
  const auto outcome = unmount("/proc/../proc/");
  EXPECT_EQ(outcome.code, 32);
  EXPECT_THAT(outcome.err, StartsWith("/proc: not an EFS mount, but proc of "));
  EXPECT_THAT(outcome.err, HasSubstr("umount(8)"));
}

TEST_F(UmountHelper, EntersAMountNamespaceAndNamesOneThatIsNone) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
#ifdef __SANITIZE_THREAD__
  GTEST_SKIP() << "ThreadSanitizer has a thread of its own: setns(2) wants to be the only one";
#endif
  EXPECT_THAT(unmount("/proc", true).err, StartsWith("/proc: not an EFS mount"));
  UmountCommand command;
  command.target = "/proc";
  command.mount_namespace = "999999999";
  const auto outcome = unmountEfs(command, {store, clock});
  EXPECT_EQ(outcome.code, 32);
  EXPECT_THAT(outcome.err, StartsWith("mount namespace 999999999: "));
}

TEST(Holders, NamesAProcessWithItsWorkingDirectoryThere) {
  test_support::TempDir dir;
  auto ready = makePipe().value();
  auto done = makePipe().value();
  auto child =
      Subprocess::fork([&] {
        done.write_end.reset();
        ::prctl(PR_SET_NAME, "the holder");
        if (::chdir(dir.path().c_str()) != 0 || ::write(ready.write_end.get(), "x", 1) != 1)
          return 1;
        char end = 0;
        return static_cast<int>(::read(done.read_end.get(), &end, 1));
      }).value();
  char byte = 0;
  ASSERT_EQ(::read(ready.read_end.get(), &byte, 1), 1);
  EXPECT_EQ(describeHolders(dir.path(), kPatience),
            "the holder(" + std::to_string(child.pid()) + ")");
  EXPECT_EQ(describeHolders(dir.path() + "x", kPatience), "") << "another directory";
  done.write_end.reset();
  EXPECT_TRUE(child.wait(kPatience).value());
}

// A process that looks like the tunnel of its port: the name, and the listening socket.
struct WithoutWatchdog : UmountHelper {
  WithoutWatchdog() {
    auto listener = net::listenLoopback(0).value();
    port = listener.port;
    auto ready = makePipe().value();
    tunnel.emplace(Subprocess::fork([&] {
                     ::prctl(PR_SET_NAME, "efs-proxy");
                     if (::write(ready.write_end.get(), "x", 1) != 1) return 1;
                     return ::poll(nullptr, 0, 60000);
                   }).value());
    char byte = 0;
    EXPECT_EQ(::read(ready.read_end.get(), &byte, 1), 1);
    name = "fs-1.mnt." + std::to_string(port);
    state.pid = tunnel->pid();
    state.cmd = {"/usr/bin/efs-proxy", store.paths(name).tunnel_config, "--tls"};
    state.files = {dir.write("stunnel-config." + name, "")};
    EXPECT_TRUE(store.write(name, state));
    EXPECT_TRUE(makeDirectories(store.paths(name).secret_dir, 0700));
  }
  ~WithoutWatchdog() override { tunnel->killAndReap(); }
  TunnelEnd end() { return endTunnel({port, false}, {store, clock, Duration(100), kPatience}); }
  bool anythingLeft() const {
    const auto paths = store.paths(name);
    return fileExists(paths.state) || fileExists(paths.tunnel_config) ||
           fileExists(paths.secret_dir);
  }

  int port = 0;
  std::string name;
  state::MountState state;
  std::optional<Subprocess> tunnel;
};

// CLI-9: nothing left on disk or running
TEST_F(WithoutWatchdog, TunnelAndStateAreEndedHere) {
  EXPECT_TRUE(tunnelListens(port));
  EXPECT_FALSE(tunnel_control::watchdogAnswers(store.watchdogSocket()));
  EXPECT_EQ(end(), TunnelEnd::kEnded);
  EXPECT_TRUE(tunnel->wait(kPatience).value());
  EXPECT_FALSE(anythingLeft());
  EXPECT_FALSE(tunnelListens(port));
  EXPECT_EQ(end(), TunnelEnd::kNoState);
}

// WD-5: do not kill early
TEST_F(WithoutWatchdog, TunnelWithAClientIsLeftAlone) {
  const auto client = net::connectTcp(
      *net::Endpoint::fromLiteral("127.0.0.1", static_cast<std::uint16_t>(port)), kPatience);
  ASSERT_TRUE(client) << client.error().message();
  EXPECT_EQ(end(), TunnelEnd::kInUse);
  EXPECT_TRUE(anythingLeft());
  EXPECT_FALSE(tunnel->wait(Duration(0)).value());
}

// CSI-10: the pid in a state file proves nothing
TEST_F(WithoutWatchdog, TunnelIsFoundByItsPortWhenTheFileNamesAStranger) {
  auto stranger = Subprocess::fork([] { return ::poll(nullptr, 0, 60000); }).value();
  state.pid = stranger.pid();
  ASSERT_TRUE(store.write(name, state));
  EXPECT_EQ(end(), TunnelEnd::kEnded);
  EXPECT_TRUE(tunnel->wait(kPatience).value());
  EXPECT_FALSE(stranger.wait(Duration(0)).value());
  stranger.killAndReap();
}

TEST_F(WithoutWatchdog, WatchdogThatIsJustStartingKeepsTheWork) {
  const auto lock = FileLock::tryAcquire(store.locks().watchdog);
  ASSERT_TRUE(lock);
  EXPECT_EQ(end(), TunnelEnd::kLeft);
  EXPECT_TRUE(anythingLeft());
}

TEST_F(WithoutWatchdog, TunnelInAnotherNetworkNamespaceIsNotJudgedFromHere) {
  state.cmd.insert(state.cmd.begin(), {"nsenter", "--net=/run/netns/x"});
  ASSERT_TRUE(store.write(name, state));
  EXPECT_EQ(end(), TunnelEnd::kInUse);
  EXPECT_FALSE(tunnel->wait(Duration(0)).value());
}

}  // namespace
}  // namespace efs::mount_helper
