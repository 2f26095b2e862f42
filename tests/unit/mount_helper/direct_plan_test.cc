#include "plan/direct_plan.h"

#include <gtest/gtest.h>

namespace efs::mount_helper {
namespace {

MountRequest request(const std::string& options) {
  CommandLine command;
  command.device = "fs-deadbeef:/data";
  command.mountpoint = "/mnt";
  command.options = options;
  const auto made = makeMountRequest(command);
  EXPECT_TRUE(made) << options;
  return *made;
}

settings::MountSettings configured(bool check_validity) {
  settings::MountSettings settings;
  settings.check_cert_validity = check_validity;
  return settings;
}

// MODE-1: option before configuration
TEST(DirectPlan, AsksForRevocationByOptionOrConfiguration) {
  EXPECT_FALSE(request("tls").asksRevocation(false));
  EXPECT_TRUE(request("tls,ocsp").asksRevocation(false));
  EXPECT_TRUE(request("tls").asksRevocation(true));
  EXPECT_FALSE(request("tls,noocsp").asksRevocation(true));
}

// MODE-2, MODE-3
TEST(DirectPlan, IsWhatChoseStunnelWithoutTls) {
  EXPECT_TRUE(mountsDirectly(request("stunnel"), configured(false)));
  EXPECT_TRUE(mountsDirectly(request("ocsp"), configured(false)));
  EXPECT_TRUE(mountsDirectly(request("rw"), configured(true)));
  EXPECT_TRUE(mountsDirectly(request("notunnel"), configured(false)));
  EXPECT_FALSE(mountsDirectly(request("rw"), configured(false)));
  EXPECT_FALSE(mountsDirectly(request("noocsp"), configured(true)));
  EXPECT_FALSE(mountsDirectly(request("tls,stunnel,ocsp"), configured(true)));
}

// MODE-2: from the DNS name, no port option
TEST(DirectPlan, NamesTheTargetAndNoPort) {
  const MountTarget target{"fs-deadbeef.efs.us-east-1.amazonaws.com", std::nullopt, "10.0.0.1"};
  const auto nfs = planDirectMount(request("stunnel,_netdev"), target);
  EXPECT_EQ(nfs.source, "fs-deadbeef.efs.us-east-1.amazonaws.com:/data");
  EXPECT_EQ(nfs.address, "10.0.0.1");
  EXPECT_EQ(nfs.umount_helper, "");
  EXPECT_EQ(nfs.options.text(),
            "_netdev,nfsvers=4.1,rsize=1048576,wsize=1048576,hard,timeo=600,retrans=2,noresvport");
}

// MODE-2: fallback IP, IPv6 in brackets
TEST(DirectPlan, NamesAnAddressWhereDnsHasNoAnswer) {
  const MountTarget four{"fs-deadbeef.efs.x", std::nullopt, "10.0.0.1", "10.0.0.1"};
  EXPECT_EQ(planDirectMount(request("stunnel"), four).source, "10.0.0.1:/data");
  const MountTarget six{"fs-deadbeef.efs.x", std::nullopt, "fd00::1", "fd00::1"};
  EXPECT_EQ(planDirectMount(request("stunnel"), six).source, "[fd00::1]:/data");
}

TEST(DirectPlan, KeepsThePortThatTheUserNames) {
  const MountTarget target{"fs-deadbeef.efs.x", std::nullopt, "10.0.0.1"};
  EXPECT_EQ(planDirectMount(request("stunnel,port=3049"), target).options.value("port"), "3049");
}

}  // namespace
}  // namespace efs::mount_helper
