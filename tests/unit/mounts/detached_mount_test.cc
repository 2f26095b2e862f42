// The new mount API with the running kernel's own tmpfs, in a mount namespace of the test's own;
// that needs root. NFS itself is mounted in the guest.
#include "efs/mounts/detached_mount.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <functional>

#include "efs/base/files.h"
#include "efs/base/subprocess.h"
#include "efs/mounts/mount_table.h"
#include "efs/mounts/stacked_mount.h"
#include "efs/mounts/target_directory.h"
#include "efs/test_support/syscall_filter.h"
#include "efs/test_support/temp_dir.h"

namespace efs::mounts {
namespace {

using test_support::TempDir;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

NfsMountRequest nfs(std::string_view options, const std::string& source = "127.0.0.1:/") {
  return {source, "/mnt", OptionList::parse(options), "127.0.0.1", ""};
}

// "key=value" or "key" of each parameter.
std::vector<std::string> parametersOf(std::string_view options) {
  std::vector<std::string> words;
  const auto description = MountDescription::ofNfs(nfs(options));
  if (!description) return {description.error().message()};
  for (const auto& [key, value] : description->parameters) {
    words.push_back(value ? key + "=" + *value : key);
  }
  return words;
}

unsigned attributesOf(std::string_view options) {
  return MountDescription::ofNfs(nfs(options)).value().attributes;
}

TEST(MountDescription, TellsTheSuperblockWhatIsTheSuperblocks) {
  EXPECT_THAT(
      parametersOf("rw,nfsvers=4.1,hard,port=20049,_netdev,noatime,bg,retry=3"),
      ElementsAre("source=127.0.0.1:/", "nfsvers=4.1", "hard", "port=20049", "addr=127.0.0.1"));
  EXPECT_THAT(parametersOf("sync,dirsync,lazytime,mand,port=1"),
              ElementsAre("source=127.0.0.1:/", "sync", "dirsync", "lazytime", "mand", "port=1",
                          "addr=127.0.0.1"));
  EXPECT_THAT(parametersOf("addr=10.0.0.1,user,helper=x"),
              ElementsAre("source=127.0.0.1:/", "addr=127.0.0.1"));
}

// path_mount() of the kernel decides between the flags of mount(2) in this way.
TEST(MountDescription, TurnsFlagsIntoAttributes) {
  EXPECT_EQ(attributesOf("rw,relatime"), 0U);
  EXPECT_EQ(attributesOf("nosuid"), 0x2U);
  EXPECT_EQ(attributesOf("nodev"), 0x4U);
  EXPECT_EQ(attributesOf("noexec"), 0x8U);
  EXPECT_EQ(attributesOf("noatime"), 0x10U);
  EXPECT_EQ(attributesOf("strictatime"), 0x20U);
  EXPECT_EQ(attributesOf("noatime,strictatime"), 0x20U);
  EXPECT_EQ(attributesOf("nodiratime"), 0x80U);
  EXPECT_EQ(attributesOf("nosymfollow"), 0x200000U);
  EXPECT_EQ(attributesOf("nosuid,suid,user,exec"), 0x2U | 0x4U);
}

TEST(MountDescription, ReadOnlyIsBoth) {
  EXPECT_EQ(attributesOf("ro"), 0x1U);
  EXPECT_THAT(parametersOf("ro"), ElementsAre("source=127.0.0.1:/", "ro", "addr=127.0.0.1"));
  EXPECT_EQ(attributesOf("ro,rw"), 0U);
  EXPECT_THAT(parametersOf("ro,rw"), ElementsAre("source=127.0.0.1:/", "addr=127.0.0.1"));
}

// mount(8) hands the label over in quotes, because of its comma.
TEST(MountDescription, TakesQuotesOff) {
  EXPECT_THAT(parametersOf("context=\"system_u:object_r:nfs_t:s0:c1,c2\",hard"),
              ElementsAre("source=127.0.0.1:/", "context=system_u:object_r:nfs_t:s0:c1,c2", "hard",
                          "addr=127.0.0.1"));
}

TEST(MountDescription, FitsOnlyWhatFsconfigTakes) {
  const std::string exactly = "127.0.0.1:/" + std::string(244, 'x');
  EXPECT_TRUE(MountDescription::ofNfs(nfs("hard", exactly)).value().fits());
  EXPECT_FALSE(MountDescription::ofNfs(nfs("hard", exactly + "x")).value().fits());
  EXPECT_FALSE(MountDescription::ofNfs(nfs("context=" + std::string(256, 'x'))).value().fits());
}

TEST(KernelWords, AreErrorsThenWarnings) {
  EXPECT_EQ(kernelWords({}), "");
  EXPECT_EQ(kernelWords({"e nfs4: Unknown parameter 'bogus'"}), "nfs4: Unknown parameter 'bogus'");
  EXPECT_EQ(kernelWords({"w NFS: old option\n", "i ignored", "e NFS: bad value"}),
            "NFS: bad value; NFS: old option");
  EXPECT_EQ(kernelWords({"e", "e ", "", "x y z"}), "");
  EXPECT_LE(kernelWords({"e " + std::string(5000, 'x')}).size(), 310U);
}

MountDescription tmpfs(const std::string& option, const std::string& value) {
  return {"tmpfs", {{"source", "none"}, {option, value}}, 0x2U | 0x8U};
}

struct DetachedMountTest : ::testing::Test {
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "mounting needs root";
    if (::unshare(CLONE_NEWNS) != 0 ||
        ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
      GTEST_SKIP() << "no mount namespaces here";
    }
    ASSERT_EQ(::mkdir(point.c_str(), 0755), 0);
    auto made = DetachedMount::make(tmpfs("size", "64k"));
    ASSERT_TRUE(made) << made.error().message();
    if (!*made) GTEST_SKIP() << "a kernel before 5.2, or a filter";
    mount = std::move(*made);
  }
  void TearDown() override {
    while (::umount2(point.c_str(), MNT_DETACH) == 0) {
    }
  }
  std::optional<MountEntry> mounted() const {
    const auto table = MountTable::readKernel().value();
    const MountEntry* entry = table.atPath(point);
    return entry == nullptr ? std::nullopt : std::optional(*entry);
  }

  TempDir dir;
  std::string point = dir.at("point");
  std::optional<DetachedMount> mount;
};

TEST_F(DetachedMountTest, IsSeenByNobodyBeforeItIsAttached) {
  EXPECT_FALSE(mounted());
  const auto directory = TargetDirectory::open(point).value();
  ASSERT_TRUE(mount->attach(directory.fd()));
  const auto entry = mounted();
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->device, mount->device());
  EXPECT_THAT(entry->options, HasSubstr("nosuid"));
  EXPECT_THAT(entry->options, HasSubstr("noexec"));
  EXPECT_TRUE(mount->askRoot());
  mount.reset();
  EXPECT_TRUE(mounted()) << "attached, it stays without the descriptor";
}

TEST_F(DetachedMountTest, GoesWithItsDescriptor) {
  const auto directory = TargetDirectory::open(point).value();
  mount.reset();
  EXPECT_FALSE(mounted());
  ASSERT_TRUE(directory.fd() >= 0);
}

TEST_F(DetachedMountTest, CannotBeAttachedTwice) {
  const auto directory = TargetDirectory::open(point).value();
  ASSERT_TRUE(mount->attach(directory.fd()));
  ASSERT_EQ(::umount2(point.c_str(), MNT_DETACH), 0);
  EXPECT_EQ(mount->attach(directory.fd()).error().osError(), EINVAL);
}

TEST_F(DetachedMountTest, IsNoClientOfATunnel) {
  const std::string net = dir.at("net");
  ASSERT_TRUE(makeDirectories(net + "/nfsfs", 0755));
  const std::string device =
      std::to_string(major(mount->device())) + ":" + std::to_string(minor(mount->device()));
  dir.write("net/nfsfs/volumes", "NV SERVER   PORT DEV          FSID\nv4 7f000001 4e51 9:9 0:0\n");
  EXPECT_EQ(mount->tunnelPort(net).value(), std::nullopt);
  dir.write("net/nfsfs/volumes", "v4 7f000001 4e51 " + device + "     0:0   no \n");
  EXPECT_EQ(mount->tunnelPort(net).value(), 20049);
  EXPECT_EQ(mount->tunnelPort(dir.at("none")).error().kind(), ErrorKind::kNotFound);
}

TEST_F(DetachedMountTest, StacksAndGoesBeneath) {
  auto second = DetachedMount::make(tmpfs("size", "128k")).value();
  const auto directory = TargetDirectory::open(point).value();
  ASSERT_TRUE(mount->attach(directory.fd()));
  const int first_id = mounted()->id;
  const auto top = TargetDirectory::open(point).value();
  EXPECT_EQ(top.mountId(), first_id);
  const auto beneath = second->attachBeneath(top.fd());
  if (!beneath && beneath.error().osError() == EINVAL) GTEST_SKIP() << "a kernel before 6.5";
  ASSERT_TRUE(beneath) << beneath.error().message();
  EXPECT_EQ(mounted()->id, first_id);
  ASSERT_EQ(::umount2(point.c_str(), MNT_DETACH), 0);
  ASSERT_TRUE(mounted());
  EXPECT_EQ(mounted()->device, second->device());
}

// The reason reaches the user even where nobody may read dmesg.
TEST_F(DetachedMountTest, RefusalsCarryTheKernelsWords) {
  const auto bogus = DetachedMount::make(tmpfs("bogus", "1"));
  ASSERT_FALSE(bogus);
  EXPECT_EQ(bogus.error().osError(), EINVAL);
  EXPECT_THAT(bogus.error().message(), HasSubstr("Unknown parameter 'bogus'"));
  const auto bad = DetachedMount::make(tmpfs("size", "many"));
  ASSERT_FALSE(bad);
  EXPECT_THAT(bad.error().message(), HasSubstr("Bad value for 'size'"));
  const auto unknown = DetachedMount::make(MountDescription{"nosuchfs", {}, 0});
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().osError(), ENODEV);
}

TEST_F(DetachedMountTest, ValuesTooLongForFsconfigAreForMount2) {
  EXPECT_FALSE(DetachedMount::make(tmpfs("size", std::string(256, '0'))).value());
  EXPECT_FALSE(DetachedMount::make(nfs("hard", "127.0.0.1:/" + std::string(300, 'x'))).value());
}

// Linux 5.2, the same numbers on every architecture.
constexpr unsigned kMoveMount = 429;
constexpr unsigned kFsopen = 430;
constexpr unsigned kFsconfig = 431;
constexpr unsigned kFsmount = 432;

// In a child, which is rid of the filter by its end.
void underAFilter(unsigned call, int answer, const std::function<bool()>& holds) {
  auto child = Subprocess::fork([&] {
    if (!test_support::refuseSyscall(call, answer)) return 3;
    return holds() ? 0 : 1;
  });
  ASSERT_TRUE(child);
  const auto ended = child->wait(Duration(10000));
  ASSERT_TRUE(ended && *ended);
  EXPECT_EQ((*ended)->code, 0) << "system call " << call << ": " << errnoText(answer);
}

TEST(DetachedMountUnderAFilter, IsImpossibleAndNoFailure) {
  for (const int answer : {EPERM, ENOSYS}) {
    underAFilter(kFsopen, answer, [] {
      const auto made = DetachedMount::make(nfs("hard,port=1"));
      return made && !*made;
    });
  }
}

// One that was written while only some of the calls were there.
TEST_F(DetachedMountTest, IsImpossibleAndNoFailureWhereAnyOfTheCallsIsRefused) {
  for (const unsigned call : {kMoveMount, kFsconfig, kFsmount}) {
    for (const int answer : {EPERM, ENOSYS}) {
      underAFilter(call, answer, [] {
        const auto made = DetachedMount::make(tmpfs("size", "64k"));
        return made && !*made;
      });
    }
  }
}

struct TargetTest : DetachedMountTest {
  std::string lock = dir.at("mount-points.lock");
};

TEST_F(TargetTest, IsTheSameByEveryPath) {
  const std::string link = dir.at("link");
  const std::string bound = dir.at("bound");
  ASSERT_EQ(::symlink(point.c_str(), link.c_str()), 0);
  ASSERT_EQ(::mkdir(bound.c_str(), 0755), 0);
  ASSERT_EQ(::mount(point.c_str(), bound.c_str(), nullptr, MS_BIND, nullptr), 0);
  const auto direct = TargetDirectory::open(point).value();
  EXPECT_EQ(TargetDirectory::open(link).value().identity(), direct.identity());
  EXPECT_EQ(TargetDirectory::open(link).value().path(), point);
  EXPECT_EQ(TargetDirectory::open(point + "/").value().identity(), direct.identity());
  EXPECT_EQ(TargetDirectory::open(bound).value().identity(), direct.identity());
  EXPECT_NE(TargetDirectory::open(bound).value().mountId(), direct.mountId());
  EXPECT_NE(TargetDirectory::open(dir.at(".")).value().identity(), direct.identity());
  EXPECT_EQ(::umount2(bound.c_str(), MNT_DETACH), 0);
}

TEST_F(TargetTest, WhatIsNoDirectoryIsNamed) {
  EXPECT_EQ(TargetDirectory::open(dir.at("missing")).error().message(),
            "mount point " + dir.at("missing") + ": No such file or directory");
  EXPECT_EQ(TargetDirectory::open(dir.write("file", "")).error().osError(), ENOTDIR);
}

// systemd's automount units mount an autofs at the place and wait for who walks into it; the mount
// that they start themselves must not.
TEST_F(TargetTest, DoesNotTriggerAnAutomount) {
  auto daemon = makePipe();
  ASSERT_TRUE(daemon);
  // Whose group is another one than the daemon's triggers the mount.
  const std::string data = "fd=" + std::to_string(daemon->write_end.get()) +
                           ",pgrp=" + std::to_string(::getpgrp()) + ",minproto=5,maxproto=5,direct";
  if (::mount("automount", point.c_str(), "autofs", 0, data.c_str()) != 0) {
    GTEST_SKIP() << "no autofs here: " << errnoText(errno);
  }
  auto child = Subprocess::fork([&] {
    ::setsid();
    const auto directory = TargetDirectory::open(point + "/");
    if (!directory) return 2;
    return mount->attach(directory->fd()) ? 0 : 1;
  });
  ASSERT_TRUE(child);
  const auto ended = child->wait(Duration(10000));
  if (!ended || !*ended) child->killAndReap();
  ASSERT_TRUE(ended && *ended) << "it waits for the automount";
  EXPECT_EQ((*ended)->code, 0);
  ASSERT_TRUE(setNonBlocking(daemon->read_end.get(), true));
  char packet = 0;
  EXPECT_LT(::read(daemon->read_end.get(), &packet, 1), 0) << "the daemon was asked";
  EXPECT_EQ(mounted()->device, mount->device());
}

// Whoever has another lock, or none, may be second: his mount goes, the first one's stays in sight.
TEST_F(TargetTest, WhatLiesOnAnotherMountIsDetachedAgainAndNothingElse) {
  const auto directory = TargetDirectory::open(point).value();
  ASSERT_TRUE(mount->attach(directory.fd()));
  EXPECT_FALSE(detachIfStacked(mount->fd(), directory.mountId()).value());
  ASSERT_EQ(mounted()->device, mount->device());
  const auto second = DetachedMount::make(tmpfs("size", "128k")).value();
  ASSERT_TRUE(second->attach(directory.fd()));
  ASSERT_EQ(mounted()->device, second->device());
  EXPECT_TRUE(detachIfStacked(second->fd(), directory.mountId()).value());
  EXPECT_EQ(mounted()->device, mount->device());
  EXPECT_TRUE(detachIfStacked(second->fd(), directory.mountId()).value()) << "gone already";
  EXPECT_EQ(mounted()->device, mount->device());
}

// Of three the third lies on the second: whichever looks first, only the first stays.
TEST_F(TargetTest, OfThreeAtOnceTheFirstStays) {
  const auto directory = TargetDirectory::open(point).value();
  for (const bool upper_first : {true, false}) {
    ASSERT_TRUE(mount->attach(directory.fd()));
    const auto second = DetachedMount::make(tmpfs("size", "128k")).value();
    const auto third = DetachedMount::make(tmpfs("size", "128k")).value();
    ASSERT_TRUE(second->attach(directory.fd()) && third->attach(directory.fd()));
    auto other = Subprocess::fork([&] {
      const int mine = (upper_first ? third : second)->fd();
      return detachIfStacked(mine, directory.mountId()).value_or(false) ? 0 : 1;
    });
    ASSERT_TRUE(other);
    Result<std::optional<ExitStatus>> ended = std::optional<ExitStatus>();
    if (upper_first) ended = other->wait(Duration(10000));
    const int mine = (upper_first ? second : third)->fd();
    EXPECT_TRUE(detachIfStacked(mine, directory.mountId()).value());
    if (!upper_first) ended = other->wait(Duration(10000));
    ASSERT_TRUE(ended && *ended);
    EXPECT_EQ((*ended)->code, 0);
    EXPECT_EQ(mounted()->device, mount->device());
    ASSERT_EQ(::umount2(point.c_str(), MNT_DETACH), 0);
    EXPECT_FALSE(mounted());
    mount = DetachedMount::make(tmpfs("size", "64k")).value();
  }
}

// An administrator's mount on ours would go with it.
TEST_F(TargetTest, WhatSomebodyElseHasCoveredStays) {
  const auto directory = TargetDirectory::open(point).value();
  ASSERT_TRUE(mount->attach(directory.fd()));
  const auto second = DetachedMount::make(tmpfs("size", "128k")).value();
  ASSERT_TRUE(second->attach(directory.fd()));
  ASSERT_EQ(::mount("none", point.c_str(), "tmpfs", 0, "size=32k"), 0);
  const auto on_top = mounted()->id;
  EXPECT_FALSE(detachIfStacked(second->fd(), directory.mountId()).value());
  EXPECT_EQ(mounted()->id, on_top);
}

TEST_F(TargetTest, LockIsOfThisPlaceAloneAndGoesWithItsHolder) {
  const auto here = TargetDirectory::open(point).value();
  const auto there = TargetDirectory::open(dir.at(".")).value();
  {
    const auto held = TargetLock::tryAcquire(lock, here);
    ASSERT_TRUE(held) << held.error().message();
    EXPECT_EQ(TargetLock::tryAcquire(lock, here).error().kind(), ErrorKind::kBusy);
    EXPECT_TRUE(TargetLock::tryAcquire(lock, there));
  }
  auto child = Subprocess::fork([&] {
    const auto held = TargetLock::wait(lock, here);
    if (held) ::pause();
    return 1;
  });
  ASSERT_TRUE(child);
  while (TargetLock::tryAcquire(lock, here)) ::sched_yield();
  child->killAndReap();
  EXPECT_TRUE(TargetLock::tryAcquire(lock, here));
  struct stat info {};
  ASSERT_EQ(::stat(lock.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
}

// Whoever takes a mount away locks the place that will be bare then.
TEST_F(TargetTest, IsKnownBeneathAMount) {
  const auto bare = TargetDirectory::open(point).value();
  ASSERT_EQ(::mount("none", point.c_str(), "tmpfs", 0, "size=64k"), 0);
  EXPECT_NE(TargetDirectory::open(point).value().identity(), bare.identity());
  const auto beneath = TargetDirectory::beneath(bare.path());
  ASSERT_TRUE(beneath) << beneath.error().describe();
  EXPECT_EQ(beneath->identity(), bare.identity());
  EXPECT_EQ(::umount2(point.c_str(), MNT_DETACH), 0);
  EXPECT_FALSE(TargetDirectory::beneath("/"));
}

// What is mounted there while we wait for the lock changes the place.
TEST_F(TargetTest, LockedTargetIsWhatIsOnTop) {
  auto first = lockTarget(point, lock);
  ASSERT_TRUE(first && *first) << first.error().message();
  ASSERT_TRUE(mount->attach((*first)->directory.fd()));
  const int id = mounted()->id;
  first = std::optional<LockedTarget>();
  const auto second = lockTarget(point, lock);
  ASSERT_TRUE(second && *second);
  EXPECT_EQ((*second)->directory.mountId(), id);
}

TEST_F(TargetTest, NeedsNoLockFile) {
  const auto target = lockTarget(point, "");
  ASSERT_TRUE(target && *target);
  EXPECT_FALSE((*target)->lock);
}

}  // namespace
}  // namespace efs::mounts
