#include "efs/mounts/host_identity.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include "efs/base/files.h"
#include "efs/base/text.h"
#include "efs/mounts/identifier_journal.h"
#include "efs/test_support/temp_dir.h"

namespace efs::mounts {
namespace {

const std::string kUuid = "ec2a1b2c-0000-4d5e-8f90-123456789abc";

class HostIdentityTest : public testing::Test {
 protected:
  void put(const std::string& path, const std::string& text) {
    const std::string whole = dir_.path() + path;
    ASSERT_TRUE(makeDirectories(whole.substr(0, whole.rfind('/')), 0755));
    ASSERT_TRUE(writeFileAtomic(whole, text));
  }
  void putFirstNetwork() { put("/proc/sys/net/core/netdev_budget", "300\n"); }
  HostIdentity read() { return HostIdentity::read(dir_.path()); }
  test_support::TempDir dir_;
};

TEST_F(HostIdentityTest, IsMachineInstanceAndProduct) {
  putFirstNetwork();
  put("/etc/machine-id", "0123456789abcdef0123456789abcdef\n");
  put("/sys/devices/virtual/dmi/id/board_asset_tag", "i-0abc123\n");
  put("/sys/devices/virtual/dmi/id/product_uuid", kUuid + "\n");
  const auto host = read();
  EXPECT_EQ(host.machine_id, "0123456789abcdef0123456789abcdef");
  EXPECT_EQ(host.instance, "i-0abc123");
  EXPECT_EQ(host.product, kUuid);
  EXPECT_EQ(host.network, "") << "of the first network nothing changes at a reboot";
  EXPECT_TRUE(host.namesTheMachine());
}

TEST_F(HostIdentityTest, DoesNotTakeWhatManyHostsSayForAName) {
  putFirstNetwork();
  put("/etc/machine-id", "uninitialized\n");
  put("/sys/devices/virtual/dmi/id/board_asset_tag", "Default string\n");
  for (const char* uuid :
       {"03000200-0400-0500-0006-000700080009", "Not Settable",
        "ffffffff-ffff-ffff-ffff-ffffffffffff", "00000000-0000-0000-0000-000000000000", ""}) {
    put("/sys/devices/virtual/dmi/id/product_uuid", uuid);
    EXPECT_FALSE(read().namesTheMachine()) << uuid;
  }
}

// Cloned images without DMI: the hypervisor gives each its own card.
TEST_F(HostIdentityTest, LooksAtNetworkCardsWhereNothingElseTellsClonesApart) {
  putFirstNetwork();
  put("/etc/machine-id", "0123456789abcdef0123456789abcdef\n");
  put("/sys/class/net/eth0/address", "02:00:00:00:00:01\n");
  put("/sys/class/net/eth0/device/vendor", "x\n");
  put("/sys/class/net/docker0/address", "02:42:00:00:00:01\n");
  EXPECT_EQ(read().cards, "02:00:00:00:00:01") << "a bridge has another address each time";
  put("/sys/devices/virtual/dmi/id/product_uuid", kUuid);
  EXPECT_EQ(read().cards, "") << "a card may be added to a machine that has a name";
}

TEST_F(HostIdentityTest, HasTheBootAndTheNetworkInAContainersNetwork) {
  put("/proc/sys/kernel/random/boot_id", "boot-1\n");
  EXPECT_EQ(read().network, "boot-1 " + networkNamespaceName());
}

TEST(NetworkNamespaceName, DiffersBetweenNamespaces) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  const std::string mine = networkNamespaceName();
  EXPECT_EQ(networkNamespaceName(), mine);
  const pid_t child = ::fork();
  if (child == 0) {
    if (::unshare(CLONE_NEWNET) != 0) ::_exit(77);
    ::_exit(networkNamespaceName() == mine ? 1 : 0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  if (WEXITSTATUS(status) == 77) GTEST_SKIP() << "no new network namespace here";
  EXPECT_EQ(status, 0);
}

TEST(HostNonce, IsMadeOnceAndKept) {
  const test_support::TempDir dir;
  const auto first = hostNonce({dir.path()});
  ASSERT_TRUE(first) << first.error().describe();
  EXPECT_EQ(first->size(), 32U);
  EXPECT_EQ(*hostNonce({dir.path()}), *first);
  const test_support::TempDir other;
  EXPECT_NE(*hostNonce({other.path()}), *first);
}

TEST(HostNonce, IsKeptWhereItCanBe) {
  const test_support::TempDir dir;
  const auto nonce = hostNonce({dir.path() + "/missing", dir.path()});
  ASSERT_TRUE(nonce) << nonce.error().describe();
  EXPECT_EQ(std::string(trim(*readFile(dir.path() + "/host-nonce"))), *nonce);
}

TEST(HostNonce, IsNoOtherContent) {
  const test_support::TempDir dir;
  dir.write("host-nonce", "");
  EXPECT_FALSE(hostNonce({dir.path()}));
}

TEST(IdentifierChange, ComesBackAsWritten) {
  const IdentifierChange change{"boot-1", "cookie-7", "a = b"};
  const auto read = IdentifierChange::parse(change.serialize());
  ASSERT_TRUE(read);
  EXPECT_EQ(read->boot, "boot-1");
  EXPECT_EQ(read->network, "cookie-7");
  EXPECT_EQ(read->former, "a = b");
}

TEST(IdentifierChange, IsWholeOrNothing) {
  const std::string text = IdentifierChange{"boot-1", "cookie-7", "former"}.serialize();
  for (std::size_t size = 0; size + 1 < text.size(); ++size) {
    EXPECT_FALSE(IdentifierChange::parse(text.substr(0, size))) << size;
  }
}

}  // namespace
}  // namespace efs::mounts
