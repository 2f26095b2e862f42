#include "efs/mount_helper/mount_request.h"

#include <gtest/gtest.h>

namespace efs::mount_helper {
namespace {

Result<MountRequest> request(const std::string& options,
                             const std::string& device = "fs-0123abcd:/",
                             const std::string& mountpoint = "/mnt/efs") {
  CommandLine command;
  command.device = device;
  command.mountpoint = mountpoint;
  command.options = options;
  return makeMountRequest(command);
}

std::string refusal(const std::string& options) {
  const auto result = request(options);
  return result ? "" : result.error().message();
}

constexpr const char* kAccessPoint = "fsap-0123456789abcdef0";

TEST(MountRequest, TakesItsOwnOptionsAndLeavesTheRestInOrder) {
  const auto result =
      request(std::string("rw,tls,_netdev,iam,accesspoint=") + kAccessPoint +
              ",awsprofile=prod,region=eu-west-3,az=eu-west-3a,verify=0,tlsport=20100,"
              "noresvport,context=\"system_u:object_r:t\",nconnect=4");
  ASSERT_TRUE(result) << result.error().describe();
  EXPECT_TRUE(result->tls);
  EXPECT_TRUE(result->iam);
  EXPECT_EQ(result->access_point, kAccessPoint);
  EXPECT_EQ(result->aws_profile, "prod");
  EXPECT_EQ(result->region, "eu-west-3");
  EXPECT_EQ(result->az, "eu-west-3a");
  EXPECT_EQ(result->verify, 0);
  EXPECT_EQ(result->tls_port, 20100);
  // OPT-4
  EXPECT_EQ(result->nfs_options.text(),
            "rw,_netdev,noresvport,context=\"system_u:object_r:t\",nconnect=4");
}

// CSI-2: what the CSI driver generates (crossaccount apart), with mount options of a StorageClass.
TEST(MountRequest, TakesTheOptionsOfTheCsiDriver) {
  const auto result = request(std::string("accesspoint=") + kAccessPoint +
                              ",tls,mounttargetip=10.1.2.3,ro,nos3readcache,noatime,nconnect=2");
  ASSERT_TRUE(result) << result.error().describe();
  EXPECT_TRUE(result->tls);
  EXPECT_EQ(result->access_point, kAccessPoint);
  EXPECT_EQ(result->nfs_options.text(), "ro,noatime,nconnect=2");
}

// OPT-2 (FIX): a second '=' belongs to the value
TEST(MountRequest, SplitsAtTheFirstEqualsSign) {
  const auto result = request("foo=a=b");
  ASSERT_TRUE(result);
  EXPECT_EQ(result->nfs_options.value("foo"), "a=b");
}

// Contract section 5, rule by rule
TEST(MountRequest, EachRuleOfSection5HasItsOwnMessage) {
  EXPECT_EQ(refusal("tls,port=2049"), "The \"port\" and \"tls\" options are mutually exclusive");
  EXPECT_NE(refusal("tls,tlsport=abc").find("tlsport=abc is not an integer"), std::string::npos);
  EXPECT_NE(refusal("tls,tlsport=70000").find("1 to 65535"), std::string::npos);
  EXPECT_NE(refusal("tls,verify=x").find("verify=x is not an integer"), std::string::npos);
  EXPECT_EQ(refusal("tls,notls"), "The \"tls\" and \"notls\" options are mutually exclusive");
  EXPECT_EQ(refusal(std::string("accesspoint=") + kAccessPoint),
            "The \"tls\" option is required when mounting via \"accesspoint\"");
  EXPECT_EQ(refusal("iam"), "The \"tls\" option is required when mounting via \"iam\"");
  EXPECT_NE(refusal("tls,awsprofile=x").find("\"iam\" option is required"), std::string::npos);
  EXPECT_NE(refusal("tls,accesspoint=fsap-123").find("is malformed"), std::string::npos);
  EXPECT_NE(refusal("tls,accesspoint=FSAP-0123456789abcdef0").find("is malformed"),
            std::string::npos);
  EXPECT_NE(refusal("tls,awscredsuri=/x").find("\"iam\" option is required"), std::string::npos);
  EXPECT_EQ(refusal("tls,iam,awscredsuri=/x,awsprofile=y"),
            "The \"awscredsuri\" and \"awsprofile\" options are mutually exclusive");
  for (const char* uri : {"x", "@host/", "http://169.254.170.2/x"}) {
    EXPECT_NE(refusal(std::string("tls,iam,awscredsuri=") + uri).find("is malformed"),
              std::string::npos);
  }
  EXPECT_NE(refusal("tls,iam,rolearn=").find("rolearn needs a value"), std::string::npos);
  EXPECT_NE(refusal("region=-x").find("Invalid region option"), std::string::npos);
  EXPECT_NE(refusal("region=US").find("Invalid region option"), std::string::npos);
  EXPECT_NE(refusal("mounttargetip=host").find("not an IPv4 or IPv6 address"), std::string::npos);
  EXPECT_EQ(refusal("mounttargetip=10.0.0.1,crossaccount"),
            "The \"mounttargetip\" option is incompatible with \"crossaccount\"");
  EXPECT_EQ(refusal("tls,ocsp,noocsp"),
            "The \"ocsp\" and \"noocsp\" options are mutually exclusive");
  EXPECT_NE(refusal("tls,awscredsuri=/x").find("\"iam\" option is required"), std::string::npos);
  EXPECT_EQ(refusal("tls,iam,awscredsuri=/x,awsprofile=y"),
            "The \"awscredsuri\" and \"awsprofile\" options are mutually exclusive");
  EXPECT_EQ(refusal("tls,iam,awscredsuri=x"), "awscredsuri x is malformed");
  EXPECT_NE(refusal("capath=/x").find("Unsupported mount options detected: \"capath\""),
            std::string::npos);
  EXPECT_NE(refusal("tls,cafile=/nonexistent/ca.pem").find("/nonexistent/ca.pem"),
            std::string::npos);
}

// CRED-1, CRED-2
TEST(MountRequest, TakesTheOptionsThatNameASourceOfCredentials) {
  const auto result =
      request("tls,iam,awscredsuri=/v2/x,rolearn=arn:aws:iam::1:role/x,jwtpath=/jwt,noatime");
  ASSERT_TRUE(result) << result.error().message();
  EXPECT_EQ(result->credentials_uri, "/v2/x");
  EXPECT_EQ(result->role_arn, "arn:aws:iam::1:role/x");
  EXPECT_EQ(result->jwt_path, "/jwt");
  for (const char* name : {"awscredsuri", "rolearn", "jwtpath"}) {
    EXPECT_FALSE(result->nfs_options.has(name)) << name;
  }
}

TEST(MountRequest, RefusesWhatThisVersionDoesNotServeInsteadOfDroppingIt) {
  for (const char* option : {"netns=/proc/1/ns/net", "crossaccount", "stunnel"}) {
    EXPECT_NE(refusal(option).find("not supported by this version"), std::string::npos) << option;
  }
}

// DEV-5
TEST(MountRequest, TheZoneOfTheNameMustAgreeWithTheOption) {
  const std::string device = "us-east-1b.fs-0123abcd.efs.us-east-1.amazonaws.com";
  EXPECT_EQ(request("", device)->az, "us-east-1b");
  const auto other = request("az=us-east-1a", device);
  ASSERT_FALSE(other);
  EXPECT_NE(other.error().message().find("us-east-1a"), std::string::npos);
}

// ST-1
TEST(MountRequest, MakesTheMountPointAbsoluteWithoutResolvingLinks) {
  EXPECT_EQ(request("", "fs-0", "/mnt/../a b/")->mountpoint, "/a b");
  EXPECT_EQ(request("", "fs-0", "/")->mountpoint, "/");
}

TEST(MountRequest, RefusesAMountPointThatNoStateFileCanHold) {
  EXPECT_NE(request("", "fs-0", "/mnt/a\nb").error().message().find("control characters"),
            std::string::npos);
  EXPECT_FALSE(request("", "fs-0", "/mnt/\xff"));
  EXPECT_TRUE(request("", "fs-0", "/mnt/\xC3\xA9"));
}

TEST(MountRequest, SeesARemount) { EXPECT_TRUE(request("remount,ro")->remount); }

}  // namespace
}  // namespace efs::mount_helper
