#include "visible_mount.h"

#include <gtest/gtest.h>
#include <sys/sysmacros.h>

#include <sstream>

namespace efs::mounts {
namespace {

constexpr int kOwnPort = 20049;
constexpr int kOtherPort = 20050;

MountEntry nfsMount(int id, unsigned device, const std::string& source, std::optional<int> port) {
  MountEntry entry;
  entry.id = id;
  entry.parent_id = 1;
  entry.device = makedev(0, device);
  entry.root = "/";
  entry.source = source;
  entry.target = "/mnt/x";
  entry.fs_type = "nfs4";
  entry.options = port ? "rw,port=" + std::to_string(*port) : "rw";
  return entry;
}

// A line of the kernel's list of volumes.
std::string volume(unsigned device, int port) {
  std::ostringstream line;
  line << "v4 7f000001 " << std::hex << port << std::dec << " 0:" << device << " 0:0 no \n";
  return line.str();
}

// A superblock without a tunnel, device 31.
constexpr const char* kDirect = "v4 0a000005  801 0:31 0:0 no \n";

// The table of a host on which one tunnelled mount, with device 30, was there before.
struct VisibleMountTest : ::testing::Test {
  MountEntry root = [] {
    MountEntry entry;
    entry.id = 1;
    entry.target = "/";
    entry.fs_type = "ext4";
    return entry;
  }();
  MountEntry other = [] {
    MountEntry entry = nfsMount(30, 30, "127.0.0.1:/", kOtherPort);
    entry.target = "/mnt/other";
    return entry;
  }();
  std::string volumes = volume(30, kOtherPort);
  TableBefore before = TableBefore::of(MountTable::of({root, other}), volumes);
  MountCall call{"127.0.0.1:/dir", "/mnt/x", kOwnPort};

  OwnVisible look(std::vector<MountEntry> came, const std::string& new_volumes = "") const {
    came.insert(came.begin(), {root, other});
    return findOwn(MountTable::of(std::move(came)), volumes + new_volumes, before, call);
  }
};

TEST_F(VisibleMountTest, HasOurPort) {
  const auto own = look({nfsMount(31, 31, "127.0.0.1:/dir", kOwnPort),
                         nfsMount(32, 32, "127.0.0.1:/dir", kOtherPort + 1)},
                        volume(31, kOwnPort) + volume(32, kOtherPort + 1));
  ASSERT_TRUE(own.mount);
  EXPECT_EQ(own.mount->entry.id, 31);
  EXPECT_EQ(own.mount->port, kOwnPort);
  EXPECT_FALSE(own.mount->merged);
}

TEST_F(VisibleMountTest, IsMergedWhereTheKernelUsesAnotherPortThanItShows) {
  const auto own = look({nfsMount(31, 31, "127.0.0.1:/dir", kOwnPort)}, volume(31, kOtherPort));
  ASSERT_TRUE(own.mount);
  EXPECT_TRUE(own.mount->merged);
  EXPECT_EQ(own.mount->port, kOtherPort);
}

// A container with a network of its own may have chosen the same port for the same place.
TEST_F(VisibleMountTest, AnotherNetworksMountOfOurPortIsNotOurs) {
  const auto both = look(
      {nfsMount(31, 31, "127.0.0.1:/dir", kOwnPort), nfsMount(32, 32, "127.0.0.1:/dir", kOwnPort)},
      volume(32, kOwnPort));
  ASSERT_TRUE(both.mount);
  EXPECT_EQ(both.mount->entry.id, 32);
  EXPECT_FALSE(both.mount->merged);
  const auto gone = look({nfsMount(31, 31, "127.0.0.1:/dir", kOwnPort)});
  EXPECT_FALSE(gone.mount);
  EXPECT_FALSE(gone.ambiguous);
}

TEST_F(VisibleMountTest, WithoutTheKernelsListIsToldByWhatIsShown) {
  volumes.clear();
  const auto own = look({nfsMount(31, 31, "127.0.0.1:/dir", kOwnPort)});
  ASSERT_TRUE(own.mount);
  EXPECT_EQ(own.mount->entry.id, 31);
}

// With "/dir/" the check looked for a source that the kernel never shows.
TEST_F(VisibleMountTest, IsMergedWhateverTheTextOfItsPath) {
  for (const char* asked : {"127.0.0.1:/dir/", "127.0.0.1://dir", "127.0.0.1:/./dir"}) {
    call.source = asked;
    const auto own = look({nfsMount(31, 30, "127.0.0.1:/dir", kOtherPort)});
    ASSERT_TRUE(own.mount) << asked;
    EXPECT_TRUE(own.mount->merged) << asked;
    EXPECT_EQ(own.mount->port, kOtherPort) << asked;
  }
}

// The kernel follows a link on the server and shows where it leads.
TEST_F(VisibleMountTest, IsMergedBehindALinkOnTheServer) {
  call.source = "127.0.0.1:/link";
  const auto shared = look({nfsMount(31, 30, "127.0.0.1:/dir", kOtherPort)});
  ASSERT_TRUE(shared.mount);
  EXPECT_TRUE(shared.mount->merged);
  const auto own = look({nfsMount(31, 31, "127.0.0.1:/dir", kOwnPort)}, volume(31, kOtherPort));
  ASSERT_TRUE(own.mount) << "a superblock of its own, the client is the other one's";
  EXPECT_TRUE(own.mount->merged);
}

// The superblock's name is that of its first mount.
TEST_F(VisibleMountTest, IsMergedWithAMountThatHasNoTunnel) {
  MountEntry direct = nfsMount(33, 33, "10.0.0.5:/", std::nullopt);
  direct.target = "/mnt/direct";
  before = TableBefore::of(MountTable::of({root, direct}), "v4 0a000005  801 0:33 0:0 no \n");
  const auto own =
      findOwn(MountTable::of({root, direct, nfsMount(34, 33, "10.0.0.5:/dir", std::nullopt)}),
              "v4 0a000005  801 0:33 0:0 no \n", before, call);
  ASSERT_TRUE(own.mount);
  EXPECT_TRUE(own.mount->merged);
  EXPECT_EQ(own.mount->port, std::nullopt);
}

// What is in use though it left the table is in the kernel's list.
TEST_F(VisibleMountTest, IsMergedWithAMountThatIsDetached) {
  before = TableBefore::of(MountTable::of({root}), volumes);
  call.source = "127.0.0.1:/link";
  const auto own = look({nfsMount(31, 30, "127.0.0.1:/dir", kOtherPort)});
  ASSERT_TRUE(own.mount);
  EXPECT_TRUE(own.mount->merged);
}

TEST_F(VisibleMountTest, AnotherMakersNewMountIsNotOurs) {
  const auto gone = look({nfsMount(31, 31, "10.0.0.9:/", std::nullopt)});
  EXPECT_FALSE(gone.mount) << "ours was taken away and an administrator mounted";
  EXPECT_FALSE(gone.ambiguous);
  const auto two = look({nfsMount(31, 31, "127.0.0.1:/dir", kOtherPort + 1),
                         nfsMount(32, 32, "127.0.0.1:/dir", kOtherPort + 2)},
                        volume(31, kOtherPort + 1) + volume(32, kOtherPort + 2));
  EXPECT_FALSE(two.mount);
  EXPECT_TRUE(two.ambiguous);
}

TEST_F(VisibleMountTest, WithoutATunnelIsTheOneOfThisNetwork) {
  call = {"10.0.0.5:/dir/", "/mnt/x", std::nullopt};
  const auto alone = look({nfsMount(31, 31, "10.0.0.5:/dir", std::nullopt)}, kDirect);
  ASSERT_TRUE(alone.mount);
  EXPECT_EQ(alone.mount->entry.id, 31);
  EXPECT_FALSE(look({nfsMount(31, 31, "10.0.0.5:/dir", std::nullopt)}).mount)
      << "ours was taken away, a container's came";
  const auto two = look({nfsMount(31, 31, "10.0.0.5:/dir", std::nullopt),
                         nfsMount(32, 32, "10.0.0.5:/dir", std::nullopt)},
                        "v4 0a000005  801 0:32 0:0 no \n");
  ASSERT_TRUE(two.mount);
  EXPECT_EQ(two.mount->entry.id, 32);
  EXPECT_FALSE(two.mount->merged);
}

// What a maker that was killed in its last steps left: other rules, for it may have left nothing.
struct LeftMountTest : VisibleMountTest {
  std::optional<int> own_port = kOwnPort;
  std::string source = "127.0.0.1:/dir";
  std::optional<VisibleMount> left(std::vector<MountEntry> came,
                                   const std::string& new_volumes = "") const {
    came.insert(came.begin(), {root, other});
    return findLeft(MountTable::of(std::move(came)), volumes + new_volumes, before,
                    {source, placeOf("/mnt/x"), 1, own_port});
  }
};

TEST_F(LeftMountTest, CarriesOurPortWhateverItsSource) {
  source = "127.0.0.1:/link/";
  const auto found = left({nfsMount(31, 31, "127.0.0.1:/dir", kOwnPort)}, volume(31, kOwnPort));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->entry.id, 31);
  EXPECT_FALSE(found->merged);
}

TEST_F(LeftMountTest, IsMergedWhereTheKernelUsesAnotherPortThanItShows) {
  const auto found = left({nfsMount(31, 31, "127.0.0.1:/dir", kOwnPort)}, volume(31, kOtherPort));
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->merged);
}

TEST_F(LeftMountTest, NeverIsAnotherNetworksMount) {
  EXPECT_FALSE(left({nfsMount(31, 31, "127.0.0.1:/dir", kOwnPort)})) << "of the same port";
  own_port.reset();
  source = "10.0.0.5:/dir";
  EXPECT_FALSE(left({nfsMount(31, 31, "10.0.0.5:/dir", std::nullopt)}));
}

TEST_F(LeftMountTest, NeverIsAnotherMakersMount) {
  EXPECT_FALSE(left({nfsMount(31, 31, "127.0.0.1:/dir", kOtherPort + 1)}));
  EXPECT_FALSE(left({nfsMount(31, 30, "127.0.0.1:/dir", kOtherPort)})) << "a bind mount, perhaps";
}

// A path that leads there by a link has another text.
TEST_F(LeftMountTest, WithoutATunnelIsTheOneAtOurPlace) {
  own_port.reset();
  source = "10.0.0.5:/dir/";
  MountEntry elsewhere = nfsMount(32, 32, "10.0.0.5:/dir", std::nullopt);
  elsewhere.target = "/mnt/y";
  const auto found = left({elsewhere, nfsMount(31, 31, "10.0.0.5:/dir", std::nullopt)}, kDirect);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->entry.id, 31);
}

TEST_F(LeftMountTest, OfTwoWithoutATunnelIsTheUpperOne) {
  own_port.reset();
  source = "10.0.0.5:/dir";
  MountEntry upper = nfsMount(31, 31, "10.0.0.5:/dir", std::nullopt);
  const MountEntry lower = nfsMount(32, 31, "10.0.0.5:/dir", std::nullopt);
  upper.parent_id = lower.id;
  for (const auto& came : {std::vector{upper, lower}, std::vector{lower, upper}}) {
    const auto found = left(came, kDirect);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->entry.id, upper.id);
  }
}

TEST_F(VisibleMountTest, WasNotThereBefore) {
  MountEntry old = nfsMount(35, 35, "127.0.0.1:/dir", kOwnPort);
  before = TableBefore::of(MountTable::of({root, other, old}), volumes);
  EXPECT_FALSE(look({old}).mount);
  EXPECT_FALSE(look({old}).ambiguous);
}

}  // namespace
}  // namespace efs::mounts
