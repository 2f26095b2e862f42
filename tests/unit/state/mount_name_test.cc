#include <gtest/gtest.h>

#include "efs/base/utf8.h"
#include "efs/state/mount_state.h"
#include "efs/test_support/fake_clock.h"

namespace efs::state {
namespace {

// ST-1 and the examples of contract section 26
TEST(MountName, HasTheContractsForm) {
  EXPECT_EQ(mountName("fs-deadbeef", "/mnt/efs", 20407), "fs-deadbeef.mnt.efs.20407");
  EXPECT_EQ(mountName("fs-deadbeef", "/.efs", 20407), "fs-deadbeef.efs.20407");
  EXPECT_EQ(mountName("fs-deadbeef", "/", 20407), "fs-deadbeef..20407");
}

// ST-1: the name is that of os.path.abspath()
TEST(MountName, ResolvesThePathInTheTextAlone) {
  EXPECT_EQ(mountName("fs-1", "//mnt///efs/", 1), "fs-1.mnt.efs.1");
  EXPECT_EQ(mountName("fs-1", "/mnt/./a/../efs", 1), "fs-1.mnt.efs.1");
  EXPECT_EQ(mountName("fs-1", "/../..", 1), "fs-1..1");
  EXPECT_EQ(mountName("fs-1", "/...x/y", 1), "fs-1.x.y.1");
}

TEST(MountName, KeepsBlanksAndDots) {
  EXPECT_EQ(mountName("fs-1", "/mnt/my files/v1.2", 2049), "fs-1.mnt.my files.v1.2.2049");
}

// CSI-21: a volume's name of 253 characters below the kubelet's directory.
TEST(MountName, LeavesRoomForWhatStandsAroundItInFileNames) {
  const std::string volume(253, 'v');
  const std::string path = "/var/lib/kubelet/pods/0c6f5d2e/volumes/kubernetes.io~csi/" + volume;
  const std::string name = mountName("fs-0123456789abcdef0", path + "/mount", 20049);
  EXPECT_EQ(name.size(), 232U);
  EXPECT_LE((".stunnel-config." + name + ".XXXXXX").size(), 255U);
  EXPECT_NE(name, mountName("fs-0123456789abcdef0", path + "w/mount", 20049));
  const auto parsed = parseMountName(name);
  ASSERT_TRUE(parsed.has_value());
  EXPECT_EQ(parsed->fs_id, "fs-0123456789abcdef0");
  EXPECT_EQ(parsed->port, 20049);
  EXPECT_EQ(parsed->safe_mountpoint.substr(0, 20), "var.lib.kubelet.pods");
}

// What had room before has the name it had before.
TEST(MountName, IsCutOnlyWhereItMustBe) {
  const std::string fits(232 - std::string("fs-1..20049").size(), 'x');
  EXPECT_EQ(mountName("fs-1", "/" + fits, 20049), "fs-1." + fits + ".20049");
  const std::string cut = mountName("fs-1", "/" + fits + "x", 20049);
  EXPECT_EQ(cut.size(), 232U);
  EXPECT_NE(cut.substr(0, 220), "fs-1." + fits.substr(0, 215));
}

TEST(MountName, IsNotCutWithinACharacter) {
  for (std::size_t ahead = 0; ahead < 3; ++ahead) {
    std::string path = "/" + std::string(ahead, 'a');
    for (int i = 0; i < 120; ++i) path += "\u20ac";  // three bytes
    EXPECT_TRUE(isUtf8(mountName("fs-1", path, 20049))) << ahead;
  }
}

TEST(MountName, IsTakenApartAgain) {
  const auto parsed = parseMountName("fs-deadbeef.mnt.my efs.20407");
  ASSERT_TRUE(parsed.has_value());
  EXPECT_EQ(parsed->fs_id, "fs-deadbeef");
  EXPECT_EQ(parsed->safe_mountpoint, "mnt.my efs");
  EXPECT_EQ(parsed->port, 20407);
  const auto root = parseMountName("fs-deadbeef..20407");
  ASSERT_TRUE(root.has_value());
  EXPECT_EQ(root->safe_mountpoint, "");
}

TEST(MountName, RefusesWhatItDoesNotMake) {
  for (const char* name :
       {"", "fs-1", "fs-1.20049", "fs-.mnt.20049", "mnt.efs.20049", "fs-1.mnt.", "fs-1.mnt.0",
        "fs-1.mnt.65536", "fs-1.mnt.020049", "fs-1.mnt.20049+", "fs-1.mnt.-5", "fs-1./x.20049",
        "../fs-1.mnt.20049", "~fs-1.mnt.20049", "stunnel-config.fs-1.mnt.20049"}) {
    EXPECT_FALSE(parseMountName(name).has_value()) << name;
  }
  EXPECT_FALSE(parseMountName(std::string_view("fs-1.m\0t.20049", 14)).has_value());
}

// Section 14: certificateCreationTime is yymmddHHMMSSZ in UTC
TEST(CertificateTime, GoesThereAndBack) {
  const test_support::FakeClock clock;
  EXPECT_EQ(certificateTimeText(clock.now()), "260102030405Z");
  EXPECT_EQ(parseCertificateTime("260102030405Z"), clock.now());
}

TEST(CertificateTime, RefusesWhatIsNoTime) {
  for (const char* text : {"", "260102030405", "260102030405z", "2601020304055", "260230000000Z",
                           "261301000000Z", "260102240000Z", "26010203040 Z", "-60102030405Z"}) {
    EXPECT_FALSE(parseCertificateTime(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace efs::state
