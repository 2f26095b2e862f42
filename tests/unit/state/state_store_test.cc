#include "efs/state/state_store.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "efs/base/files.h"
#include "efs/test_support/temp_dir.h"

namespace efs::state {
namespace {

constexpr const char* kName = "fs-1.mnt.efs.20049";

class StateStoreTest : public testing::Test {
 protected:
  MountState sample() const {
    MountState state;
    state.pid = 42;
    state.mountpoint = "/mnt/efs";
    state.files = {store_.paths(kName).tunnel_config};
    state.mount_state_dir = std::string(kName) + "+";
    return state;
  }
  // All that a TLS mount leaves behind.
  void makeMount(const std::string& name) const {
    const auto paths = store_.paths(name);
    ASSERT_TRUE(store_.write(name, sample()).has_value());
    ASSERT_TRUE(makeDirectories(paths.secret_dir, 0700).has_value());
    ASSERT_TRUE(writeFileAtomic(paths.certificate, "c").has_value());
    ASSERT_TRUE(writeFileAtomic(paths.tunnel_config, "t").has_value());
    ASSERT_TRUE(writeFileAtomic(paths.counters, "n").has_value());
  }
  test_support::TempDir root_;
  StateStore store_{root_.at("efs")};
  void SetUp() override { ASSERT_TRUE(store_.create(0750).has_value()); }
};

mode_t modeOf(const std::string& path) {
  struct stat info {};
  EXPECT_EQ(::stat(path.c_str(), &info), 0) << path;
  return info.st_mode & 07777U;
}

TEST_F(StateStoreTest, WritesNothingThatItCouldNotRead) {
  MountState state = sample();
  state.credentials_origin = CredentialsOrigin{};
  state.credentials_origin->environment["PATH"] = std::string(200 * 1024, 'x');
  ASSERT_TRUE(store_.write(kName, state));
  EXPECT_TRUE(store_.read(kName));
  state.credentials_origin->environment["no_proxy"] = std::string(100 * 1024, 'y');
  const auto written = store_.write(kName, state);
  ASSERT_FALSE(written);
  EXPECT_NE(written.error().describe().find("longer than"), std::string::npos);
  EXPECT_TRUE(store_.read(kName)) << "the former one is still there";
}

TEST_F(StateStoreTest, CreatesTheDirectoryWithExactlyTheModeAskedFor) {
  EXPECT_EQ(modeOf(store_.directory()), 0750U);
}

// ST-2, ST-3, ST-4
TEST_F(StateStoreTest, KnowsTheLayout) {
  const auto paths = StateStore("/var/run/efs").paths("fs-1.mnt.20049");
  EXPECT_EQ(paths.state, "/var/run/efs/fs-1.mnt.20049");
  EXPECT_EQ(paths.pending_state, "/var/run/efs/~fs-1.mnt.20049");
  EXPECT_EQ(paths.tunnel_config, "/var/run/efs/stunnel-config.fs-1.mnt.20049");
  EXPECT_EQ(paths.counters, "/var/run/efs/tunnel-counters.fs-1.mnt.20049");
  EXPECT_EQ(paths.certificate, "/var/run/efs/fs-1.mnt.20049+/certificate.pem");
  EXPECT_EQ(paths.pid_file, "/var/run/efs/fs-1.mnt.20049+/stunnel.pid");
}

TEST(TunnelConfigName, LeadsToTheMount) {
  EXPECT_EQ(nameOfTunnelConfig("/var/run/efs/stunnel-config.fs-1.mnt.20049"), "fs-1.mnt.20049");
  EXPECT_EQ(nameOfTunnelConfig("stunnel-config.fs-1.mnt.20049"), "fs-1.mnt.20049");
  EXPECT_FALSE(nameOfTunnelConfig("/x/stunnel-config."));
  EXPECT_FALSE(nameOfTunnelConfig("/stunnel-config.d/other"));
  EXPECT_FALSE(nameOfTunnelConfig(""));
}

// ST-2, ST-7, ST-9
TEST_F(StateStoreTest, PublishesAPendingState) {
  ASSERT_TRUE(store_.writePending(kName, sample()).has_value());
  EXPECT_EQ(modeOf(store_.paths(kName).pending_state), 0600U);
  EXPECT_EQ(*store_.pendingNames(), std::vector<std::string>{kName});
  EXPECT_TRUE(store_.mountNames()->empty());
  EXPECT_EQ(store_.readPending(kName)->pid, 42);

  ASSERT_TRUE(store_.publish(kName).has_value());
  EXPECT_EQ(*store_.mountNames(), std::vector<std::string>{kName});
  EXPECT_TRUE(store_.pendingNames()->empty());
  EXPECT_EQ(store_.read(kName)->mountpoint, "/mnt/efs");
}

TEST_F(StateStoreTest, WritesTheFilesBesideTheState) {
  const auto paths = store_.paths(kName);
  ASSERT_TRUE(store_.writeFiles(kName, {.tunnel_config = "plain"}));
  EXPECT_EQ(readFile(paths.tunnel_config).value_or(""), "plain");
  EXPECT_FALSE(fileExists(paths.secret_dir)) << "nothing is secret without TLS";
  ASSERT_TRUE(store_.writeFiles(
      kName, {.tunnel_config = "tls", .certificate = "pem", .certificate_mode = 0640}));
  EXPECT_EQ(readFile(paths.tunnel_config).value_or(""), "tls");
  EXPECT_EQ(readFile(paths.certificate).value_or(""), "pem");
  EXPECT_EQ(modeOf(paths.certificate), 0640U);
  EXPECT_EQ(modeOf(paths.secret_dir), 0700U);
  EXPECT_FALSE(store_.writeFiles("../other", {.tunnel_config = "x"}));
}

TEST_F(StateStoreTest, ReplacesAStateAsAWhole) {
  ASSERT_TRUE(store_.write(kName, sample()).has_value());
  MountState changed = sample();
  changed.pid = 43;
  ASSERT_TRUE(store_.write(kName, changed).has_value());
  EXPECT_EQ(store_.read(kName)->pid, 43);
  EXPECT_EQ(modeOf(store_.paths(kName).state), 0600U);
  EXPECT_EQ(*store_.mountNames(), std::vector<std::string>{kName});
}

// CRED-10: nothing but the state tells where a mount's credentials come from.
TEST_F(StateStoreTest, KeepsACopyWhereTheMountHasASecretDirectory) {
  const auto paths = store_.paths(kName);
  ASSERT_TRUE(store_.write(kName, sample()).has_value());
  EXPECT_FALSE(store_.readCopy(kName).has_value());
  ASSERT_TRUE(makeDirectories(paths.secret_dir, 0700).has_value());
  MountState state = sample();
  state.aws_credentials_method = "credentials:default";
  ASSERT_TRUE(store_.write(kName, state).has_value());
  ASSERT_EQ(::unlink(paths.state.c_str()), 0);
  const auto copy = store_.readCopy(kName);
  ASSERT_TRUE(copy.has_value());
  EXPECT_EQ(copy->serialize(), state.serialize());
  EXPECT_EQ(modeOf(paths.copy), 0600U);
  ASSERT_TRUE(store_.removeMount(kName, nullptr).has_value());
  EXPECT_FALSE(fileExists(paths.copy));
}

TEST_F(StateStoreTest, FailsToPublishOrReadWhatIsNotThere) {
  EXPECT_EQ(store_.publish(kName).error().kind(), ErrorKind::kNotFound);
  EXPECT_EQ(store_.read(kName).error().kind(), ErrorKind::kNotFound);
}

// WD-4: names beginning with fs-, no directories; links and pipes neither.
TEST_F(StateStoreTest, ListsOnlyStateFiles) {
  makeMount(kName);
  const std::string dir = store_.directory() + "/";
  ASSERT_TRUE(writeFileAtomic(dir + "efs-utils-lock", "").has_value());
  ASSERT_TRUE(writeFileAtomic(dir + "fs-without-port", "").has_value());
  ASSERT_EQ(::symlink("/etc/passwd", (dir + "fs-2.link.20050").c_str()), 0);
  ASSERT_EQ(::mkfifo((dir + "fs-2.pipe.20051").c_str(), 0600), 0);
  ASSERT_EQ(::mkdir((dir + "fs-2.dir.20052").c_str(), 0700), 0);
  EXPECT_EQ(*store_.mountNames(), std::vector<std::string>{kName});
}

TEST_F(StateStoreTest, FindsNothingInADirectoryThatIsMissing) {
  const StateStore nowhere(root_.at("absent"));
  EXPECT_TRUE(nowhere.mountNames()->empty());
  EXPECT_FALSE(nowhere.portReserved(20049));
}

// NFS-9, ST-2: any name that ends in .<port>
TEST_F(StateStoreTest, ReservesThePortOfAnyName) {
  EXPECT_FALSE(store_.portReserved(20049));
  ASSERT_TRUE(writeFileAtomic(store_.paths(kName).tunnel_config, "").has_value());
  EXPECT_TRUE(store_.portReserved(20049));
  EXPECT_FALSE(store_.portReserved(2004));
  EXPECT_FALSE(store_.portReserved(49));
  ASSERT_TRUE(store_.writePending("fs-1.x.20050", {}).has_value());
  EXPECT_TRUE(store_.portReserved(20050));
}

TEST_F(StateStoreTest, RemovesEverythingOfOneMount) {
  makeMount(kName);
  makeMount("fs-1.other.20050");
  ASSERT_TRUE(store_.writePending(kName, sample()).has_value());
  const MountState state = sample();
  ASSERT_TRUE(store_.removeMount(kName, &state).has_value());
  EXPECT_FALSE(store_.portReserved(20049));
  EXPECT_EQ(*store_.mountNames(), std::vector<std::string>{"fs-1.other.20050"});
  EXPECT_TRUE(fileExists(store_.paths("fs-1.other.20050").certificate));
  EXPECT_TRUE(store_.removeMount(kName, nullptr).has_value()) << "a second time";
}

TEST_F(StateStoreTest, TouchesNothingElseWhateverTheStateSays) {
  makeMount(kName);
  makeMount("fs-1.other.20050");
  const std::string outside = root_.write("outside.fs-1.mnt.efs.20049", "keep");
  ASSERT_TRUE(makeDirectories(root_.at("victim+"), 0700).has_value());
  const auto other = store_.paths("fs-1.other.20050");
  MountState state = sample();
  state.files = {outside,
                 store_.directory() + "/../outside.fs-1.mnt.efs.20049",
                 other.state,
                 other.certificate,
                 store_.directory() + "/sub/fs-1.mnt.efs.20049",
                 store_.directory() + "/",
                 "",
                 "relative.fs-1.mnt.efs.20049"};
  for (const char* target : {"../victim+", "fs-1.other.20050+", ".", "/", "..", ""}) {
    state.mount_state_dir = target;
    ASSERT_TRUE(store_.removeMount(kName, &state).has_value());
  }
  EXPECT_TRUE(fileExists(outside));
  EXPECT_TRUE(fileExists(root_.at("victim+")));
  EXPECT_TRUE(fileExists(other.state));
  EXPECT_TRUE(fileExists(other.certificate));
  EXPECT_FALSE(fileExists(store_.paths(kName).state));
}

TEST_F(StateStoreTest, FollowsNoLinkWhenRemoving) {
  const std::string kept = root_.write("kept", "keep");
  ASSERT_TRUE(makeDirectories(root_.at("dir"), 0700).has_value());
  ASSERT_TRUE(writeFileAtomic(root_.at("dir") + "/file", "keep").has_value());
  const auto paths = store_.paths(kName);
  ASSERT_EQ(::symlink(root_.at("dir").c_str(), paths.secret_dir.c_str()), 0);
  ASSERT_EQ(::symlink(kept.c_str(), paths.tunnel_config.c_str()), 0);
  ASSERT_TRUE(store_.removeMount(kName, nullptr).has_value());
  EXPECT_EQ(test_support::contentOf(kept), "keep");
  EXPECT_EQ(test_support::contentOf(root_.at("dir") + "/file"), "keep");
  EXPECT_FALSE(store_.portReserved(20049));
}

TEST_F(StateStoreTest, RemovesTheRestAfterAFailure) {
  makeMount(kName);
  // unlink(2) of a directory fails.
  const auto paths = store_.paths(kName);
  ASSERT_TRUE(removeFile(paths.tunnel_config).has_value());
  ASSERT_TRUE(makeDirectories(paths.tunnel_config, 0700).has_value());
  const auto removed = store_.removeMount(kName, nullptr);
  ASSERT_FALSE(removed.has_value());
  EXPECT_NE(removed.error().message().find(paths.tunnel_config), std::string::npos);
  EXPECT_FALSE(fileExists(paths.state));
  EXPECT_FALSE(fileExists(paths.secret_dir));
}

// A mount name may end like another one: the first "fs-" counts.
TEST_F(StateStoreTest, TakesNoFileOfAMountWhoseNameEndsLikeThisOne) {
  makeMount(kName);
  const std::string longer = "fs-2.x." + std::string(kName);
  makeMount(longer);
  const std::string extra = store_.directory() + "/extra." + kName;
  ASSERT_TRUE(writeFileAtomic(extra, "x"));
  MountState state = sample();
  state.files = {store_.paths(longer).state, store_.paths(longer).tunnel_config, extra};
  ASSERT_TRUE(store_.removeMount(kName, &state).has_value());
  EXPECT_TRUE(fileExists(store_.paths(longer).state));
  EXPECT_TRUE(fileExists(store_.paths(longer).tunnel_config));
  EXPECT_FALSE(fileExists(extra));
}

// Issue 9, A1: the state file is what brings the clean-up back when the mount is gone.
TEST_F(StateStoreTest, KeepsTheStateWhileSomethingIsMountedInTheSecretDirectory) {
  if (::geteuid() != 0 || ::unshare(CLONE_NEWNS) != 0) GTEST_SKIP() << "needs root";
  ASSERT_EQ(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
  makeMount(kName);
  const auto paths = store_.paths(kName);
  const std::string inside = paths.secret_dir + "/mount";
  ASSERT_TRUE(makeDirectories(root_.at("precious"), 0700).has_value());
  const std::string kept = root_.write("precious/file", "keep");
  ASSERT_TRUE(makeDirectories(inside, 0700).has_value());
  ASSERT_EQ(::mount(root_.at("precious").c_str(), inside.c_str(), nullptr, MS_BIND, nullptr), 0);
  const auto removed = store_.removeMount(kName, nullptr);
  ASSERT_EQ(::umount2(inside.c_str(), MNT_DETACH), 0);
  ASSERT_FALSE(removed.has_value());
  EXPECT_EQ(removed.error().kind(), ErrorKind::kBusy);
  EXPECT_NE(removed.error().message().find(inside), std::string::npos);
  EXPECT_EQ(test_support::contentOf(kept), "keep");
  EXPECT_TRUE(fileExists(paths.state));
  EXPECT_FALSE(fileExists(paths.certificate));
  EXPECT_TRUE(store_.removeMount(kName, nullptr).has_value());
  EXPECT_FALSE(store_.portReserved(20049));
}

// Section 25 no. 7, ST-6: who holds it is alive
TEST_F(StateStoreTest, TellsWhetherTheHelperOfAPendingMountLives) {
  EXPECT_EQ(store_.pendingHeld(kName), std::nullopt);
  EXPECT_FALSE(store_.holdPending(kName).has_value());
  makeMount(kName);
  EXPECT_EQ(store_.pendingHeld(kName), false);
  {
    const auto held = store_.holdPending(kName);
    ASSERT_TRUE(held.has_value()) << held.error().message();
    EXPECT_EQ(store_.pendingHeld(kName), true);
  }
  EXPECT_EQ(store_.pendingHeld(kName), false);
  EXPECT_EQ(store_.pendingHeld("../x"), std::nullopt);
}

TEST_F(StateStoreTest, RefusesNamesThatAreNone) {
  for (const char* name : {"", "..", "../x", "fs-1.a/b.1", "passwd"}) {
    EXPECT_EQ(store_.read(name).error().kind(), ErrorKind::kInvalidInput) << name;
    EXPECT_EQ(store_.write(name, {}).error().kind(), ErrorKind::kInvalidInput) << name;
    EXPECT_EQ(store_.writePending(name, {}).error().kind(), ErrorKind::kInvalidInput) << name;
    EXPECT_EQ(store_.publish(name).error().kind(), ErrorKind::kInvalidInput) << name;
    EXPECT_EQ(store_.removeMount(name, nullptr).error().kind(), ErrorKind::kInvalidInput) << name;
  }
}

}  // namespace
}  // namespace efs::state
