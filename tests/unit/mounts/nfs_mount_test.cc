// mount(2) and umount2(2) themselves, in a mount namespace of the test's own; they need root. What
// needs a kernel with NFS runs in the guest.
#include "efs/mounts/nfs_mount.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <filesystem>

#include "efs/base/files.h"
#include "efs/base/subprocess.h"
#include "efs/base/text.h"
#include "efs/mounts/mount_table.h"
#include "efs/mounts/unmount.h"
#include "efs/test_support/syscall_filter.h"
#include "efs/test_support/temp_dir.h"

namespace efs::mounts {
namespace {

using test_support::contentOf;
using test_support::TempDir;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr Duration kPatience{10000};
constexpr Duration kShort{100};

// NFS-2, OPT-4: as mount.nfs does
TEST(NfsVersion, IsNegotiatedOnlyWhereItsMinorPartIsOpen) {
  const auto tried = [](const char* options) { return versionsToTry(OptionList::parse(options)); };
  const std::vector<std::string> all = {"4.2", "4.1", "4.0"};
  const std::vector<std::string> as_it_stands = {""};
  EXPECT_EQ(tried("rw,nfsvers=4"), all);
  EXPECT_EQ(tried("vers=4"), all);
  EXPECT_EQ(tried("nfsvers=4.1"), as_it_stands);
  EXPECT_EQ(tried("nfsvers=4,minorversion=1"), as_it_stands);
  EXPECT_EQ(tried("rw"), as_it_stands);
}

NfsMountRequest request(const std::string& target, std::string_view options = "hard,port=1") {
  return {"127.0.0.1:/", target, OptionList::parse(options), "127.0.0.1", ""};
}

std::string fdText(pid_t pid, int fd) {
  std::error_code error;
  return std::filesystem::read_symlink("/proc/" + std::to_string(pid) + "/fd/" + std::to_string(fd),
                                       error)
      .string();
}
// What the descriptors of a process are.
std::vector<std::string> linksOf(const std::string& pid) {
  std::vector<std::string> links;
  std::error_code error;
  for (const auto& fd : std::filesystem::directory_iterator("/proc/" + pid + "/fd", error)) {
    links.push_back(std::filesystem::read_symlink(fd.path(), error).string());
  }
  return links;
}

struct OwnNamespace : ::testing::Test {
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "mounting needs root";
    if (::unshare(CLONE_NEWNS) != 0 ||
        ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
      GTEST_SKIP() << "no mount namespaces here";
    }
    ASSERT_EQ(::mkdir(point.c_str(), 0755), 0);
  }
  void TearDown() override {
    // The directory is about to be removed: nothing may be mounted in it.
    while (::umount2(point.c_str(), MNT_DETACH) == 0) {
    }
  }
  void mountTmpfs(const std::string& target) const {
    ASSERT_EQ(::mount("none", target.c_str(), "tmpfs", 0, "size=64k"), 0) << errnoText(errno);
  }
  bool isMounted() const { return MountTable::readKernel()->atPath(point) != nullptr; }

  TempDir dir;
  std::string point = dir.at("point");
};

TEST_F(OwnNamespace, UnmountTakesTheTopmostMountAway) {
  mountTmpfs(point);
  mountTmpfs(point);
  ASSERT_TRUE(unmount(point, false, kPatience));
  EXPECT_TRUE(isMounted());
  ASSERT_TRUE(unmount(point, false, kPatience));
  EXPECT_FALSE(isMounted());
}

TEST_F(OwnNamespace, UnmountOfNoMountIsNotFound) {
  EXPECT_EQ(unmount(point, false, kPatience).error().kind(), ErrorKind::kNotFound);
  EXPECT_EQ(unmount(dir.at("missing"), false, kPatience).error().kind(), ErrorKind::kNotFound);
}

TEST_F(OwnNamespace, BusyMountNeedsTheLazyUnmount) {
  mountTmpfs(point);
  const UniqueFd open_file(::open(point.c_str(), O_RDONLY | O_CLOEXEC));
  EXPECT_EQ(unmount(point, false, kPatience).error().kind(), ErrorKind::kBusy);
  EXPECT_TRUE(isMounted());
  EXPECT_TRUE(unmount(point, true, kPatience));
  EXPECT_FALSE(isMounted());
}

// A line left in utab would make umount(8) of the next mount there call the wrong helper.
TEST_F(OwnNamespace, UnmountTidiesUtab) {
  mountTmpfs("/run");
  ASSERT_TRUE(makeDirectories("/run/mount", 0755));
  const auto line = [](const std::string& target) {
    return "SRC=127.0.0.1:/ TARGET=" + target + " ROOT=/ OPTS=_netdev,helper=efs\n";
  };
  ASSERT_TRUE(writeFileAtomic("/run/mount/utab", line(point) + line("/other")));
  mountTmpfs(point);
  EXPECT_TRUE(unmount(point, false, kPatience));
  EXPECT_THAT(contentOf("/run/mount/utab"), Not(HasSubstr(point)));
  EXPECT_THAT(contentOf("/run/mount/utab"), HasSubstr("/other"));
  EXPECT_EQ(::umount2("/run", MNT_DETACH), 0);
}

// What umount.efs does when its caller must not wait: the child goes on alone.
TEST_F(OwnNamespace, UnmountJobTellsWhatUmount2Said) {
  mountTmpfs(point);
  {
    const UniqueFd open_file(::open(point.c_str(), O_RDONLY | O_CLOEXEC));
    auto busy = UnmountJob::start(point, {});
    ASSERT_TRUE(busy);
    EXPECT_EQ(busy->wait(kPatience).value(), EBUSY);
    auto lazy = UnmountJob::start(point, {.force = false, .lazy = true});
    EXPECT_EQ(lazy->wait(kPatience).value(), 0);
    EXPECT_FALSE(isMounted());
  }
  auto nothing = UnmountJob::start(point, {});
  EXPECT_EQ(nothing->wait(kPatience).value(), EINVAL);
}

TEST_F(OwnNamespace, ReadOnlyRemountKeepsTheOtherFlags) {
  ASSERT_EQ(::mount("none", point.c_str(), "tmpfs", MS_NOSUID | MS_NOEXEC, "size=64k"), 0);
  auto table = MountTable::readKernel();
  ASSERT_TRUE(remountReadOnly(*table->atPath(point), kPatience));
  table = MountTable::readKernel();
  const auto options = table->atPath(point)->options;
  EXPECT_THAT(options, HasSubstr("ro"));
  EXPECT_THAT(options, HasSubstr("nosuid"));
  EXPECT_THAT(options, HasSubstr("noexec"));
  EXPECT_FALSE(writeFileAtomic(point + "/x", ""));
}

TEST_F(OwnNamespace, MonitorReportsAMount) {
  const auto monitor = openMountMonitor();
  ASSERT_TRUE(monitor);
  pollfd entry{monitor->get(), POLLPRI, 0};
  EXPECT_EQ(::poll(&entry, 1, 0), 0);
  mountTmpfs(point);
  EXPECT_EQ(::poll(&entry, 1, static_cast<int>(kPatience.count())), 1);
  EXPECT_NE(entry.revents & POLLPRI, 0);
}

TEST_F(OwnNamespace, MissingMountPointIsNamed) {
  const auto missing = mountNfs(request(dir.at("missing")), kPatience);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().kind(), ErrorKind::kNotFound);
  EXPECT_EQ(missing.error().message(),
            "mount point " + dir.at("missing") + ": No such file or directory");
  const auto file = mountNfs(request(dir.write("file", "")), kPatience);
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().osError(), ENOTDIR);
}

TEST_F(OwnNamespace, KernelWithoutNfsIsUnsupported) {
  if (loadNfs()) GTEST_SKIP() << "this kernel has NFS";
  const auto status = mountNfs(request(point, "hard,_netdev,ro,port=20049"), kPatience);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().kind(), ErrorKind::kUnsupported) << status.error().message();
  EXPECT_EQ(status.error().osError(), ENODEV);
  EXPECT_THAT(status.error().hint(), HasSubstr("nfsv4 module"));
  EXPECT_FALSE(isMounted());
  MountRules classic;
  classic.patience = kPatience;
  classic.api = MountApi::kClassic;
  classic.target_lock = dir.at("mount-points.lock");
  EXPECT_EQ(mountNfs(request(point), classic).error().message(), status.error().message());
  EXPECT_TRUE(fileExists(classic.target_lock)) << "mount(2) mounts under the lock";
  EXPECT_EQ(mountNfs(request(point), std::nullopt).error().osError(), ENODEV);
}

// The child ends with its parent, wherever it waits.
TEST_F(OwnNamespace, MountChildOfAKilledParentEnds) {
  const UniqueFd fuse(::open("/dev/fuse", O_RDWR | O_CLOEXEC));
  if (!fuse.valid()) GTEST_SKIP() << "no FUSE here";
  const std::string data =
      "fd=" + std::to_string(fuse.get()) + ",rootmode=40000,user_id=0,group_id=0";
  ASSERT_EQ(::mount("hung", point.c_str(), "fuse", 0, data.c_str()), 0) << errnoText(errno);
  // The parent's pipe closes when the child, which inherits only its own one, has gone as well.
  auto pipe = makePipe();
  ASSERT_TRUE(pipe);
  auto parent = Subprocess::fork([&] {
    (void)mountNfs(request(point + "/inside"), std::nullopt);
    return 0;
  });
  ASSERT_TRUE(parent);
  pipe->write_end.reset();
  const std::string of_parent = "/proc/" + std::to_string(parent->pid()) + "/task/" +
                                std::to_string(parent->pid()) + "/children";
  std::string child;
  while (child.empty()) child = std::string(trim(contentOf(of_parent)));
  const auto held = openPidFd(static_cast<pid_t>(*parseInt(child)));
  ASSERT_TRUE(held);
  parent->killAndReap();
  pollfd ended{held->get(), POLLIN, 0};
  EXPECT_EQ(::poll(&ended, 1, static_cast<int>(kPatience.count())), 1) << "it lives on";
  pollfd closed{pipe->read_end.get(), POLLIN, 0};
  EXPECT_EQ(::poll(&closed, 1, static_cast<int>(kPatience.count())), 1);
  EXPECT_TRUE(unmount(point, true, kPatience));
}

// Linux 5.4 and some containers have no close_range(2); the parent's locks are in its descriptors.
TEST_F(OwnNamespace, MountChildHoldsNothingOfItsParentOnAnyKernel) {
  const UniqueFd fuse(::open("/dev/fuse", O_RDWR | O_CLOEXEC));
  if (!fuse.valid()) GTEST_SKIP() << "no FUSE here";
  const std::string data =
      "fd=" + std::to_string(fuse.get()) + ",rootmode=40000,user_id=0,group_id=0";
  ASSERT_EQ(::mount("hung", point.c_str(), "fuse", 0, data.c_str()), 0) << errnoText(errno);
  auto pipe = makePipe();
  ASSERT_TRUE(pipe);
  auto parent = Subprocess::fork([&] {
    if (!test_support::refuseSyscall(SYS_close_range, ENOSYS)) return 3;
    (void)mountNfs(request(point + "/inside"), std::nullopt);
    return 0;
  });
  ASSERT_TRUE(parent);
  const std::string inherited = fdText(parent->pid(), pipe->write_end.get());
  ASSERT_NE(inherited, "");
  const std::string of_parent = "/proc/" + std::to_string(parent->pid()) + "/task/" +
                                std::to_string(parent->pid()) + "/children";
  std::string child;
  while (child.empty()) child = std::string(trim(contentOf(of_parent)));
  // Waiting for FUSE, killably.
  while (contentOf("/proc/" + child + "/stat").find(" D ") == std::string::npos) {
  }
  EXPECT_THAT(linksOf(child), Not(::testing::Contains(inherited)));
  parent->killAndReap();
  EXPECT_TRUE(unmount(point, true, kPatience));
}

TEST_F(OwnNamespace, RefusesMoreOptionsThanTheKernelCanTake) {
  const auto status = mountNfs(request(point, "hard,context=" + std::string(5000, 'x')), kPatience);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().kind(), ErrorKind::kInvalidInput);
}

// A FUSE file system whose server never answers stands for a hung NFS server: every look at it
// waits, killably, for ever.
TEST_F(OwnNamespace, HangingMountPointCostsOnlyThePatience) {
  const UniqueFd fuse(::open("/dev/fuse", O_RDWR | O_CLOEXEC));
  if (!fuse.valid()) GTEST_SKIP() << "no FUSE here";
  const std::string data =
      "fd=" + std::to_string(fuse.get()) + ",rootmode=40000,user_id=0,group_id=0";
  ASSERT_EQ(::mount("hung", point.c_str(), "fuse", 0, data.c_str()), 0) << errnoText(errno);
  const auto status = mountNfs(request(point + "/inside"), kShort);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().kind(), ErrorKind::kTimeout) << status.error().message();
  EXPECT_TRUE(unmount(point, true, kPatience));
  EXPECT_FALSE(isMounted());
}

TEST(RemountNfs, NeedsAMountPoint) {
  EXPECT_EQ(remountNfs(request("/does/not/exist")).error().kind(), ErrorKind::kNotFound);
}

// NFS-8: 15 * rsize / 1024
TEST(SetReadAhead, WritesFifteenTimesRsizeInKib) {
  const std::string path = "/sys/class/bdi/7:7/read_ahead_kb";
  if (::access(path.c_str(), W_OK) != 0) GTEST_SKIP() << "no spare loop device to write to";
  const auto before = contentOf(path);
  ASSERT_TRUE(setReadAhead(makedev(7, 7), 1048576));
  EXPECT_EQ(contentOf(path), "15360\n");
  EXPECT_EQ(*keepReadAhead(makedev(7, 7), 1048576), false);
  EXPECT_EQ(*keepReadAhead(makedev(7, 7), 65536), true);  // WD-12
  EXPECT_EQ(contentOf(path), "960\n");
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  EXPECT_TRUE(writeAll(fd.get(), before, path));
}

TEST(SetReadAhead, MissingDeviceIsNotFound) {
  EXPECT_EQ(setReadAhead(makedev(0, 99999), 1048576).error().kind(), ErrorKind::kNotFound);
}

// A container has no /lib/modules: the kernel's answer counts, the folder only words the hint.
TEST_F(OwnNamespace, KernelAloneKnowsWhetherItHasNfs) {
  const bool listed = contentOf("/proc/filesystems").find("\tnfs4\n") != std::string::npos;
  if (fileExists("/lib/modules")) mountTmpfs("/lib/modules");
  const auto loaded = loadNfs();
  EXPECT_TRUE(loaded || !listed);
  if (loaded) {
    EXPECT_THAT(contentOf("/proc/filesystems"), HasSubstr("\tnfs4\n"));
  } else {
    EXPECT_EQ(loaded.error().kind(), ErrorKind::kUnsupported);
    EXPECT_THAT(loaded.error().hint(), HasSubstr("install the kernel's nfsv4 module"));
  }
  (void)::umount2("/lib/modules", MNT_DETACH);
}

}  // namespace
}  // namespace efs::mounts
