// What a remount is asked to do, over a host in memory.
#include "repair/remounter.h"

#include <gtest/gtest.h>

#include "efs/tunnel_control/tunnel_config.h"
#include "small_world.h"

namespace efs::watchdog {
namespace {

constexpr int kPort = 20049;
constexpr int kNextPort = 20050;
const std::string kName = "fs-0123456789abcdef0.mnt.efs.20049";
const std::string kNextName = "fs-0123456789abcdef0.mnt.efs.20050";

// The old mount, and beneath it the one of an earlier try, which could not detach it.
class RemounterTest : public ::testing::Test {
 protected:
  RemounterTest() {
    add(kName, kPort);
    add(kNextName, kNextPort);
    world_.kernel.mounted = {entry(8, 1, kNextPort), entry(7, 8, kPort)};
    context_.view.refresh();
  }
  static mounts::MountEntry entry(int id, int parent, int port) {
    return {.id = id,
            .parent_id = parent,
            .device = static_cast<dev_t>(40 + id),
            .root = "/",
            .source = "127.0.0.1:/",
            .target = "/mnt/efs",
            .fs_type = "nfs4",
            .options = "rw,port=" + std::to_string(port)};
  }
  void add(const std::string& name, int port) {
    const std::string config = store_.paths(name).tunnel_config;
    ASSERT_TRUE(world_.files.write(config, "connect = 10.0.0.1:2049\n", 0600));
    state::MountState state;
    state.cmd = {"/usr/bin/efs-proxy", config, "--no-direct-s3-read"};
    state.mountpoint = "/mnt/efs";
    MountRecord record;
    record.name = name;
    record.port = port;
    record.readable = true;
    record.setState(std::move(state));
    context_.records.insert_or_assign(name, std::move(record));
  }
  MountRecord& old() { return context_.records.at(kName); }
  MountRecord& next() { return context_.records.at(kNextName); }
  const std::vector<RemountPlan>& asked() const { return world_.children.remounts; }

  small::SmallWorld world_;
  state::StateStore store_{"/run/efs", world_.files};
  Context context_{world_.tools(), store_, Identity{.version = "1", .environment = {}}};
  RecordFiles files_{context_};
  RecordJobs jobs_{context_, [](MountRecord&, Task, const Result<std::string>&) {}};
  TunnelWatch watch_{context_};
  TunnelKeeper keeper_{context_, files_, watch_};
  Remounter remounter_{context_, files_, jobs_, keeper_};
};

TEST_F(RemounterTest, TryAfterOneThatCouldNotDetachMakesNoOtherMount) {
  remounter_.remount(old());
  EXPECT_EQ(context_.records.size(), 2U) << "one more mount would lie beneath";
  ASSERT_EQ(asked().size(), 1U);
  EXPECT_TRUE(asked().front().lies_beneath);
  EXPECT_EQ(asked().front().port, kNextPort);
  EXPECT_EQ(asked().front().old.id, 7);
}

TEST_F(RemounterTest, AnotherIdentityBeneathIsNoSuccessor) {
  next().state.access_point = "fsap-0123456789abcdef0";
  remounter_.remount(old());
  for (const auto& plan : asked()) EXPECT_FALSE(plan.lies_beneath);
}

TEST_F(RemounterTest, FailureLeavesWhatLiesBeneathAMountLikeOthers) {
  remounter_.remount(old());
  remounter_.ended(old(), Error(ErrorKind::kTimeout, "no"));
  EXPECT_FALSE(next().health.given_up);
  EXPECT_EQ(old().health.successor, "");
  remounter_.giveUp(kNextName);
  EXPECT_FALSE(next().health.given_up);
}

// Nothing lies beneath the old mount, and no other record is there.
class FirstRemount : public RemounterTest {
 protected:
  FirstRemount() {
    context_.records.erase(kNextName);
    (void)world_.files.remove(store_.paths(kNextName).tunnel_config);
    tunnel_control::TunnelConfig config;
    config.accept_port = kPort;
    config.connect_host = "10.0.0.1";
    config.pid_file = store_.paths(kName).pid_file;
    (void)world_.files.write(store_.paths(kName).tunnel_config, config.serialize(false), 0600);
    world_.kernel.mounted = {entry(7, 1, kPort)};
    context_.view.refresh();
    context_.settings.mount.port_lower = kPort;
    context_.settings.mount.port_upper = kNextPort + 1;
    world_.kernel.clients.insert(kPort);
  }
};

TEST_F(FirstRemount, GoesThroughATunnelOfItsOwnBehindAPortThatNobodyUses) {
  remounter_.remount(old());
  ASSERT_EQ(asked().size(), 1U);
  EXPECT_FALSE(asked().front().lies_beneath);
  EXPECT_EQ(asked().front().port, kNextPort);
  EXPECT_EQ(old().health.successor, kNextName);
  EXPECT_EQ(world_.host.alive(kNextPort), 1U);
  EXPECT_TRUE(next().pending);
  EXPECT_EQ(store_.readPending(kNextName)->pid, next().tunnel->pid());
  EXPECT_EQ(world_.host.stored.count(kNextName), 1U);
}

TEST_F(FirstRemount, LeavesNothingThatIsUnderWayWhereNoTunnelStarts) {
  world_.host.starts_nothing = true;
  remounter_.remount(old());
  EXPECT_EQ(asked().size(), 0U);
  EXPECT_TRUE(next().health.given_up);
  EXPECT_EQ(world_.log.count("is not mounted again"), 1U);
  EXPECT_EQ(old().health.successor, "");
}

TEST_F(FirstRemount, LeavesNothingThatIsUnderWayWhereNoChildCanBeHad) {
  world_.children.none = true;
  remounter_.remount(old());
  EXPECT_TRUE(next().health.given_up);
  EXPECT_EQ(old().health.successor, "");
}

// A remount that was killed on an old kernel, or whose own clean-up was.
TEST_F(RemounterTest, ClearsAStagingPathThatNoRemountNeeds) {
  const auto sweepFor = [this](int minutes) {
    for (int i = 0; i < minutes; ++i) {
      world_.clock.advance(std::chrono::minutes(1));
      remounter_.sweepStaging();
    }
    return world_.children.stagings_cleared;
  };
  EXPECT_EQ(sweepFor(10), 0) << "there is none";
  ASSERT_TRUE(world_.files.write("/run/efs/remount/" + kNextName + "/file", "", 0600));
  EXPECT_EQ(sweepFor(3), 0) << "who makes a mount there may outlive the watchdog that sent it";
  EXPECT_EQ(sweepFor(1), 1);
  remounter_.remount(old());
  EXPECT_EQ(sweepFor(10), 1);
}

}  // namespace
}  // namespace efs::watchdog
