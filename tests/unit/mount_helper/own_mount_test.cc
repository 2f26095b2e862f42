// What a mount that failed takes away: over a mount table that changes as the kernel's does.
#include "carry_out/own_mount.h"

#include <gtest/gtest.h>
#include <sys/sysmacros.h>

#include <algorithm>

namespace efs::mount_helper {
namespace {

using mounts::MountEntry;
using mounts::MountTable;

constexpr int kPort = 20049;
constexpr Duration kPatience{1000};

MountEntry mountAt(int id, int parent, const std::string& target, const std::string& options) {
  MountEntry entry;
  entry.id = id;
  entry.parent_id = parent;
  entry.root = "/";
  entry.source = "127.0.0.1:/";
  entry.target = target;
  entry.fs_type = "nfs4";
  entry.options = options;
  return entry;
}
MountEntry ours(int id, int parent, const std::string& target) {
  return mountAt(id, parent, target, "rw,port=20049");
}
MountEntry foreign(int id, int parent, const std::string& target) {
  return mountAt(id, parent, target, "rw,port=20050");
}

// umount2(2) by path, with the copies that a shared parent makes (`peers`: they go together).
struct OwnMountTest : ::testing::Test {
  std::vector<MountEntry> table{mountAt(1, 0, "/", "rw")};
  std::vector<int> peers;
  std::vector<std::string> unmounted;
  std::vector<bool> lazily;
  std::string volumes;  // of our network namespace
  bool busy = false;
  int pauses = 0;
  std::function<void()> meanwhile = [] {};

  KernelCalls calls() {
    KernelCalls kernel;
    kernel.mount_table = [this]() -> Result<MountTable> { return MountTable::of(table); };
    kernel.volumes = [this]() -> Result<std::string> { return volumes; };
    kernel.unmount = [this](const std::string& target, bool lazy, Duration) -> Status {
      lazily.push_back(lazy);
      return unmount(target, lazy);
    };
    return kernel;
  }
  Status unmount(const std::string& target, bool lazy) {
    const auto now = MountTable::of(table);
    const MountEntry* top = now.atPath(target);
    if (top == nullptr) return Error::fromErrno(EINVAL, target);
    if (busy && !lazy) return Error::fromErrno(EBUSY, target);
    unmounted.push_back(std::to_string(top->id) + " at " + target);
    const bool shared = std::find(peers.begin(), peers.end(), top->id) != peers.end();
    std::vector<int> going = shared ? peers : std::vector<int>{top->id};
    std::erase_if(table, [&](const auto& entry) {
      return std::find(going.begin(), going.end(), entry.id) != going.end();
    });
    return {};
  }
  // `add`: what came since.
  bool undo(const std::vector<MountEntry>& add) {
    const KernelCalls kernel = calls();
    const OwnMount own(kPort, kernel);
    table.insert(table.end(), add.begin(), add.end());
    return own.undo(kPatience, [this](Duration) -> Status {
      ++pauses;
      meanwhile();
      return {};
    });
  }
  bool has(int id) const {
    return std::any_of(table.begin(), table.end(),
                       [id](const auto& entry) { return entry.id == id; });
  }
};

TEST_F(OwnMountTest, NothingOfOursIsNothingToDo) {
  EXPECT_TRUE(undo({foreign(5, 1, "/mnt")}));
  EXPECT_TRUE(unmounted.empty());
}

TEST_F(OwnMountTest, MountThatWasThereBeforeIsNotOurs) {
  table.push_back(ours(5, 1, "/old"));
  EXPECT_TRUE(undo({ours(6, 1, "/mnt")}));
  EXPECT_EQ(unmounted, std::vector<std::string>{"6 at /mnt"});
  EXPECT_TRUE(has(5));
}

// A container's, whose loopback has the same ports.
TEST_F(OwnMountTest, AnotherNetworksMountOfOurPortStays) {
  volumes = "v4 7f000001 4e51 0:41 0:0 no \n";
  MountEntry own = ours(6, 1, "/mnt");
  own.device = makedev(0, 41);
  MountEntry containers = ours(7, 1, "/container");
  containers.device = makedev(0, 42);
  EXPECT_TRUE(undo({containers, own}));
  EXPECT_EQ(unmounted, std::vector<std::string>{"6 at /mnt"});
  EXPECT_TRUE(has(7));
}

TEST_F(OwnMountTest, BusyOneGoesLazily) {
  busy = true;
  EXPECT_TRUE(undo({ours(6, 1, "/mnt")}));
  EXPECT_EQ(lazily, (std::vector<bool>{false, true}));
}

// Below a shared mount the kernel copies it to each peer and takes the copies along again.
TEST_F(OwnMountTest, WhatLiesBeneathTheCopyOfAPeerStays) {
  table.push_back(foreign(5, 1, "/peer"));
  peers = {6, 7};
  EXPECT_TRUE(undo({ours(6, 1, "/mnt"), ours(7, 5, "/peer")}));
  EXPECT_EQ(unmounted, std::vector<std::string>{"6 at /mnt"});
  EXPECT_TRUE(has(5)) << "an administrator's mount was unmounted";
}

TEST_F(OwnMountTest, OneThatIsCoveredForAMomentGoesWhenItIsInSight) {
  meanwhile = [this] {
    if (pauses == 20) std::erase_if(table, [](const auto& entry) { return entry.id == 7; });
  };
  EXPECT_TRUE(undo({ours(6, 1, "/mnt"), foreign(7, 6, "/mnt")}));
  EXPECT_EQ(unmounted, std::vector<std::string>{"6 at /mnt"});
}

TEST_F(OwnMountTest, OneThatStaysCoveredIsLeftWithItsCover) {
  EXPECT_FALSE(undo({ours(6, 1, "/mnt"), foreign(7, 6, "/mnt")}));
  EXPECT_TRUE(unmounted.empty());
  EXPECT_LT(pauses, 300);
}

// The path leads into the mount over the directory above.
TEST_F(OwnMountTest, OneBelowACoveredDirectoryIsNotTakenByItsPath) {
  EXPECT_FALSE(undo({foreign(8, 1, "/a"), foreign(9, 8, "/a/b"), ours(6, 1, "/a/b")}));
  EXPECT_TRUE(unmounted.empty());
}

}  // namespace
}  // namespace efs::mount_helper
