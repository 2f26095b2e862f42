#include "efs/mounts/mount_options.h"

#include <gtest/gtest.h>
#include <sys/mount.h>

namespace efs::mounts {
namespace {

SortedOptions sorted(std::string_view text) {
  const auto result = sortOptions(OptionList::parse(text));
  EXPECT_TRUE(result) << text;
  return result ? *result : SortedOptions();
}

std::string withDefaults(std::string_view text, int port = 20049) {
  auto list = OptionList::parse(text);
  addNfsDefaults(list, port);
  return list.text();
}

TEST(OptionList, KeepsOrderAndText) {
  EXPECT_EQ(OptionList::parse("tls,_netdev,port=1,empty=,rw").text(),
            "tls,_netdev,port=1,empty=,rw");
}

// OPT-1, OPT-2
TEST(OptionList, SplitsEachWordAtItsFirstEqualsSign) {
  const auto list = OptionList::parse("context=a=b,= ,x");
  EXPECT_EQ(list.value("context"), "a=b");
  EXPECT_EQ(list.value(""), " ");
  EXPECT_EQ(list.value("x"), "");
  EXPECT_EQ(list.value("y"), std::nullopt);
}

// OPT-3
TEST(OptionList, LastValueWinsAtTheFirstPlace) {
  EXPECT_EQ(OptionList::parse("a=1,b,a=2,,b=3").text(), "a=2,b=3");
}

TEST(OptionList, RemovesAndReplaces) {
  auto list = OptionList::parse("a,b,c");
  EXPECT_TRUE(list.remove("b"));
  EXPECT_FALSE(list.remove("b"));
  list.set("a", "1");
  list.set("d", std::nullopt);
  EXPECT_EQ(list.text(), "a=1,c,d");
}

// NFS-3: the contract's example, its helper options taken out before
TEST(AddNfsDefaults, GivesTheExampleOfTheContract) {
  EXPECT_EQ(withDefaults("_netdev,rw"),
            "_netdev,rw,nfsvers=4.1,rsize=1048576,wsize=1048576,hard,timeo=600,retrans=2,"
            "noresvport,port=20049");
}

// NFS-2
TEST(AddNfsDefaults, KeepsWhatTheUserGave) {
  EXPECT_EQ(withDefaults("vers=4.0,soft,timeo=1,rsize=2,wsize=3,retrans=4"),
            "vers=4.0,soft,timeo=1,rsize=2,wsize=3,retrans=4,noresvport,port=20049");
  EXPECT_EQ(withDefaults("nfsvers=4.2,hard"),
            "nfsvers=4.2,hard,rsize=1048576,wsize=1048576,timeo=600,retrans=2,noresvport,"
            "port=20049");
}

// NFS-2: softerr and minorversion are no alternatives, resvport does not keep noresvport away, and
// a port is replaced in place.
TEST(AddNfsDefaults, HasTheOddRulesOfTheContract) {
  EXPECT_EQ(withDefaults("port=1,softerr,minorversion=1,resvport", 5),
            "port=5,softerr,minorversion=1,resvport,nfsvers=4.1,rsize=1048576,wsize=1048576,hard,"
            "timeo=600,retrans=2,noresvport");
}

// OPT-4
TEST(SortOptions, HandsNfsWordsOnInOrder) {
  const auto options = sorted(
      "nconnect=4,sec=sys,soft,timeo=600,noresvport,nolock,lookupcache=pos,nosharecache,proto=tcp,"
      "noac,actimeo=3,fsc,local_lock=all,vers=4.1,xprtsec=none,clientaddr=1.2.3.4");
  EXPECT_EQ(options.nfs,
            "nconnect=4,sec=sys,soft,timeo=600,noresvport,nolock,lookupcache=pos,nosharecache,"
            "proto=tcp,noac,actimeo=3,fsc,local_lock=all,vers=4.1,xprtsec=none,clientaddr=1.2.3.4");
  EXPECT_EQ(options.vfs_flags, 0U);
  EXPECT_EQ(options.vfs + options.userspace + options.helper, "");
}

// The kernel answers EINVAL to each of these words.
TEST(SortOptions, KeepsUserSpaceWordsFromTheKernel) {
  const auto options = sorted(
      "_netdev,nofail,noauto,auto,defaults,comment=x,x-systemd.automount,"
      "x-systemd.requires=a.service,X-mount.mkdir,uhelper=efs,helper=efs,hard");
  EXPECT_EQ(options.nfs, "hard");
  EXPECT_EQ(options.userspace,
            "_netdev,nofail,noauto,auto,defaults,comment=x,x-systemd.automount,"
            "x-systemd.requires=a.service,X-mount.mkdir,uhelper=efs,helper=efs");
}

TEST(SortOptions, TurnsVfsWordsIntoFlags) {
  const auto options = sorted("ro,nosuid,nodev,noexec,noatime,nodiratime,sync,remount,hard");
  EXPECT_EQ(options.vfs_flags,
            static_cast<unsigned long>(MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME |
                                       MS_NODIRATIME | MS_SYNCHRONOUS | MS_REMOUNT));
  EXPECT_EQ(options.nfs, "hard");
  EXPECT_EQ(sorted("ro,rw").vfs_flags, 0U);
}

// mount(8): user implies noexec, nosuid, nodev unless overridden by later words.
TEST(SortOptions, UserImpliesItsRestrictions) {
  const unsigned long secure = MS_NOEXEC | MS_NOSUID | MS_NODEV;
  EXPECT_EQ(sorted("user").vfs_flags, secure);
  EXPECT_EQ(sorted("users,rw").vfs_flags, secure);
  EXPECT_EQ(sorted("user,exec").vfs_flags, secure & ~static_cast<unsigned long>(MS_NOEXEC));
  EXPECT_EQ(sorted("owner").vfs_flags, static_cast<unsigned long>(MS_NOSUID | MS_NODEV));
  EXPECT_EQ(sorted("group").vfs_flags, static_cast<unsigned long>(MS_NOSUID | MS_NODEV));
  EXPECT_EQ(sorted("user=alice").vfs_flags, 0U);
  EXPECT_EQ(sorted("user=alice,hard").nfs, "hard");
  EXPECT_EQ(sorted("nouser").vfs_flags, 0U);
}

// nfs(5): words of mount.nfs, and of the MOUNT protocol that NFSv4 does not use.
TEST(SortOptions, KeepsWordsOfMountNfsForTheHelper) {
  const auto options =
      sorted("bg,fg,retry=5,intr,nointr,sloppy,mountport=635,mountproto=tcp,mounthost=h,hard");
  EXPECT_EQ(options.nfs, "hard");
  EXPECT_EQ(options.helper,
            "bg,fg,retry=5,intr,nointr,sloppy,mountport=635,mountproto=tcp,mounthost=h");
}

TEST(SortOptions, QuotesAndCommasInAContextStayTogether) {
  const std::string context = "context=\"system_u:object_r:nfs_t:s0:c1,c2\"";
  EXPECT_EQ(sorted("ro," + context + ",hard").nfs, context + ",hard");
  EXPECT_EQ(sorted("comment=\"a,ro").userspace, "comment=\"a");
  EXPECT_EQ(sorted("comment=\"a,ro").vfs_flags, static_cast<unsigned long>(MS_RDONLY));
}

TEST(SortOptions, UnknownWordIsTheKernelsToJudge) {
  EXPECT_EQ(sorted("bogus,bogus2=1").nfs, "bogus,bogus2=1");
  // A prefix of a VFS word, or a VFS word with a value it does not take, is no VFS word.
  EXPECT_EQ(sorted("r,ro=1,nosu").nfs, "r,ro=1,nosu");
}

TEST(SortOptions, RefusesWhatIsNoMountOfAFileSystem) {
  for (const char* text : {"bind", "rbind", "shared", "rprivate", "=x"}) {
    const auto result = sortOptions(OptionList::parse(text));
    ASSERT_FALSE(result) << text;
    EXPECT_EQ(result.error().kind(), ErrorKind::kInvalidInput);
  }
}

}  // namespace
}  // namespace efs::mounts
