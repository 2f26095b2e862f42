#include "efs/mounts/client_identifier.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>

#include "efs/base/files.h"
#include "efs/base/text.h"
#include "efs/test_support/fake_clock.h"
#include "efs/test_support/temp_dir.h"

namespace efs::mounts {
namespace {

std::string hostName() {
  std::array<char, 256> name{};
  EXPECT_EQ(::gethostname(name.data(), name.size() - 1), 0);
  return name.data();
}

class ClientIdentifier : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(makeDirectories(dir_.path() + "/sys/fs/nfs/net/nfs_client", 0755));
    ASSERT_TRUE(makeDirectories(dir_.path() + "/sys/module/nfs/parameters", 0755));
  }
  std::string content() { return std::string(trim(readFile(path_).value_or("?"))); }
  void write(const std::string& text) { ASSERT_TRUE(writeFileAtomic(path_, text)); }
  void writeParameter(const std::string& text) { ASSERT_TRUE(writeFileAtomic(parameter_, text)); }
  Result<OwnClientIdentifier> set(const std::string& name) {
    return OwnClientIdentifier::set(
        lock_, clock_, Duration(0),
        [&](const std::string& uniquifier) {
          uniquifier_ = uniquifier;
          return name;
        },
        kernel_);
  }
  // What a process leaves that is killed while the identifier is its own.
  void crash(const std::string& name, const std::string& former) {
    ASSERT_TRUE(IdentifierJournal(lock_).begin(former));
    write(name);
  }
  Result<bool> restore() { return restoreClientIdentifier(lock_, kernel_); }

  test_support::TempDir dir_;
  const std::string path_ = dir_.path() + "/sys/fs/nfs/net/nfs_client/identifier";
  const std::string parameter_ = dir_.path() + "/sys/module/nfs/parameters/nfs4_unique_id";
  const std::string lock_ = dir_.path() + "/lock";
  const test_support::FakeClock clock_;
  const KernelOpener kernel_ = [this] { return KernelIdentifier::openBelow(dir_.path() + "/sys"); };
  std::string uniquifier_;
};

TEST_F(ClientIdentifier, IsOursWhileHeldAndThenWhatItWas) {
  write("host-a\n");
  {
    const auto own = set("efsmount-0123");
    ASSERT_TRUE(own) << own.error().describe();
    EXPECT_EQ(content(), "efsmount-0123");
    EXPECT_EQ(uniquifier_, "host-a");
    EXPECT_FALSE(FileLock::tryAcquire(lock_));
    EXPECT_TRUE(IdentifierJournal(lock_).exists());
  }
  EXPECT_EQ(content(), "host-a");
  EXPECT_TRUE(FileLock::tryAcquire(lock_));
  EXPECT_FALSE(IdentifierJournal(lock_).exists());
}

TEST_F(ClientIdentifier, IsTheHostNameAfterwardsWhereNoneWasSet) {
  write("(null)\n");
  { const auto own = set("efsmount-0123"); }
  EXPECT_EQ(content(), hostName());
}

// A value there would hide the parameter (nfs(5)).
TEST_F(ClientIdentifier, IsTheModuleParameterAfterwardsWhereOnlyThatWasSet) {
  write("(null)\n");
  writeParameter("rack-7\n");
  { const auto own = set("efsmount-0123"); }
  EXPECT_EQ(content(), "rack-7");
  EXPECT_EQ(uniquifier_, "rack-7");
  { const auto again = set("efsmount-0123"); }
  EXPECT_EQ(uniquifier_, "rack-7") << "the second mount sees what the first one put back";
}

TEST_F(ClientIdentifier, TakesItsOwnStandInForNoChoice) {
  write("(null)\n");
  { const auto own = set("efsmount-0123"); }
  const std::string first = uniquifier_;
  { const auto own = set("efsmount-0123"); }
  EXPECT_EQ(uniquifier_, first);
  EXPECT_EQ(uniquifier_, "");
}

// A process killed in between left its own behind.
TEST_F(ClientIdentifier, DoesNotKeepOneOfAnotherMount) {
  write("efsmount-0011223344556677\n");
  { const auto own = set("efsmount-0123"); }
  EXPECT_EQ(content(), hostName());
}

TEST_F(ClientIdentifier, PutsBackWhatAKilledProcessReplaced) {
  crash("efsmount-0011223344556677", "chosen");
  { const auto own = set("efsmount-0123"); }
  EXPECT_EQ(content(), "chosen");
  EXPECT_EQ(uniquifier_, "chosen");
}

TEST_F(ClientIdentifier, IsRestoredWithoutAnotherMount) {
  crash("efsmount-0011223344556677", "chosen");
  const auto restored = restore();
  ASSERT_TRUE(restored) << restored.error().describe();
  EXPECT_TRUE(*restored);
  EXPECT_EQ(content(), "chosen");
  EXPECT_FALSE(*restore()) << "once";
}

TEST_F(ClientIdentifier, IsLeftToWhoHoldsTheLock) {
  write("chosen");
  const auto own = set("efsmount-0123");
  EXPECT_FALSE(*restore());
  EXPECT_EQ(content(), "efsmount-0123");
}

TEST_F(ClientIdentifier, LeavesWhatAnAdministratorSetSinceTheCrash) {
  crash("chosen later", "chosen");
  EXPECT_TRUE(restore());
  EXPECT_EQ(content(), "chosen later");
  { const auto own = set("efsmount-0123"); }
  EXPECT_EQ(content(), "chosen later");
}

TEST_F(ClientIdentifier, DoesNotBelieveTheJournalOfAnotherBoot) {
  crash("(null)", "chosen");
  const auto text = readFile(lock_ + ".former-" + shortName(networkNamespaceName()));
  ASSERT_TRUE(text);
  ASSERT_TRUE(writeFileAtomic(lock_ + ".former-" + shortName(networkNamespaceName()),
                              replaceAll(*text, bootId(), "of-another-boot")));
  EXPECT_FALSE(*restore());
  EXPECT_EQ(content(), "(null)") << "nothing was changed in this boot";
  EXPECT_FALSE(IdentifierJournal(lock_).exists());
}

TEST_F(ClientIdentifier, WaitsForOthersOnlySoLong) {
  write("host-a\n");
  const auto own = set("efsmount-0123");
  const auto second = set("efsmount-4567");
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind(), ErrorKind::kBusy);
}

// A container and its host have state directories of their own.
TEST_F(ClientIdentifier, WaitsForProgramsWithAnotherStateDirectory) {
  write("host-a\n");
  writeParameter("");
  ASSERT_EQ(::chmod(parameter_.c_str(), 0600), 0);
  const auto own = set("efsmount-0123");
  const auto name = [](const std::string&) { return std::string("efsmount-4567"); };
  const auto second =
      OwnClientIdentifier::set(dir_.path() + "/other", clock_, Duration(0), name, kernel_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind(), ErrorKind::kBusy);
  EXPECT_EQ(content(), "efsmount-0123");
}

TEST_F(ClientIdentifier, IgnoresALockThatStrangersCanTake) {
  write("host-a\n");
  writeParameter("");
  ASSERT_EQ(::chmod(parameter_.c_str(), 0644), 0);
  const auto own = set("efsmount-0123");
  const auto name = [](const std::string&) { return std::string("efsmount-4567"); };
  EXPECT_TRUE(OwnClientIdentifier::set(dir_.path() + "/other", clock_, Duration(0), name, kernel_));
}

TEST_F(ClientIdentifier, SaysWhereTheKernelHasNone) {
  const auto own = set("efsmount-0123");
  ASSERT_FALSE(own);
  EXPECT_EQ(own.error().kind(), ErrorKind::kUnsupported);
}

// --- the names

HostIdentity machine() {
  HostIdentity host;
  host.machine_id = "0123456789abcdef0123456789abcdef";
  return host;
}

TEST(ClientIdentifierName, IsTheSameForTheSameMountOfTheSameHost) {
  EXPECT_EQ(clientIdentifier(machine(), "", "fs\nap\n/mnt"),
            clientIdentifier(machine(), "", "fs\nap\n/mnt"));
  EXPECT_LT(clientIdentifier(machine(), "", "fs\nap\n/mnt").size(), 64U);
}

TEST(ClientIdentifierName, DiffersInEachFactOfTheHostAndTheMount) {
  const std::string one = clientIdentifier(machine(), "", "fs\nap\n/mnt");
  EXPECT_NE(one, clientIdentifier(machine(), "", "fs\nap\n/mnt2"));
  EXPECT_NE(one, clientIdentifier(machine(), "rack-7", "fs\nap\n/mnt"));
  for (auto member : {&HostIdentity::machine_id, &HostIdentity::instance, &HostIdentity::product,
                      &HostIdentity::cards, &HostIdentity::network, &HostIdentity::nonce}) {
    HostIdentity other = machine();
    other.*member = "different";
    EXPECT_NE(one, clientIdentifier(other, "", "fs\nap\n/mnt"));
  }
}

TEST(ClientIdentifierName, IsTheFormerOneWhereClassic) {
  EXPECT_EQ(classicClientIdentifier("fs\nap\n/mnt"),
            kClientIdentifierPrefix + shortName("fs\nap\n/mnt"));
}

}  // namespace
}  // namespace efs::mounts
