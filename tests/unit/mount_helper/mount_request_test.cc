#include "request/mount_request.h"

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
  EXPECT_EQ(refusal("azid=use1-az1"), "Unsupported mount options detected: \"azid\"");
}

Result<MountRequest> s3files(const std::string& options,
                             const std::string& device = "fs-0123abcd:/") {
  CommandLine command;
  command.kind = FileSystemKind::kS3Files;
  command.device = device;
  command.mountpoint = "/mnt/s3";
  command.options = options;
  return makeMountRequest(command);
}

// Section 21
TEST(MountRequest, S3FilesIsEncryptedAndSignedWhetherAskedForOrNot) {
  const auto result = s3files("ro,nodirects3read,nos3readcache,azid=use1-az2");
  ASSERT_TRUE(result) << result.error().describe();
  EXPECT_TRUE(result->tls);
  EXPECT_TRUE(result->iam);
  EXPECT_EQ(result->zone_id, "use1-az2");
  EXPECT_EQ(result->nfs_options.text(), "ro");
  EXPECT_TRUE(s3files("tls,iam,accesspoint=" + std::string(kAccessPoint)));
  EXPECT_FALSE(s3files("tls=no"));
  EXPECT_EQ(s3files("port=2049").error().message(),
            "The \"port\" and \"tls\" options are mutually exclusive");
}

// Section 21; to the kernel a plain 4 is 4.0.
TEST(MountRequest, S3FilesRefusesNfs40) {
  for (const char* option :
       {"nfsvers=4.0", "vers=4.0", "vers=4", "nfsvers=3", "minorversion=0", "v4.0", "v3"}) {
    const auto result = s3files(option);
    ASSERT_FALSE(result) << option;
    EXPECT_EQ(result.error().message(), "NFSv4.0 is not supported for S3 Files mounts") << option;
  }
  EXPECT_TRUE(s3files("nfsvers=4.1"));
  EXPECT_TRUE(s3files("vers=4.2"));
}

// Section 21
TEST(MountRequest, S3FilesTakesItsOwnNamesAndArnsAndPointsAtTheOtherType) {
  const auto named = s3files("", "use1-az1.fs-0123abcd.s3files.us-east-1.on.aws:/data");
  ASSERT_TRUE(named) << named.error().describe();
  EXPECT_EQ(named->device.fs_id, "fs-0123abcd");
  EXPECT_EQ(named->zone_id, "use1-az1");
  EXPECT_EQ(named->device.region, "us-east-1");
  EXPECT_NE(s3files("azid=use1-az2", "use1-az1.fs-0123abcd.s3files.us-east-1.on.aws")
                .error()
                .message()
                .find("mount option azid says use1-az2"),
            std::string::npos);
  EXPECT_TRUE(s3files("", "arn:aws:s3files:us-east-1:123456789012:file-system/fs-0123abcd"));
  EXPECT_EQ(s3files("", "fs-0123abcd.efs.us-east-1.amazonaws.com:/").error().hint(),
            "mount it with -t efs");
  EXPECT_EQ(request("", "use1-az1.fs-0123abcd.s3files.us-east-1.on.aws").error().hint(),
            "mount it with -t s3files");
  EXPECT_EQ(
      request("", "arn:aws:s3files:us-east-1:123456789012:file-system/fs-0123abcd").error().hint(),
      "mount it with -t s3files");
}

// MODE-1
TEST(MountRequest, TakesTheOptionsThatChoseStunnel) {
  const auto result = request("tls,stunnel,ocsp,noatime");
  ASSERT_TRUE(result) << result.error().message();
  EXPECT_TRUE(result->stunnel);
  EXPECT_EQ(result->ocsp, true);
  EXPECT_EQ(result->nfs_options.text(), "noatime");
  EXPECT_EQ(request("tls,noocsp")->ocsp, false);
  EXPECT_EQ(request("tls")->ocsp, std::nullopt);
}

// An option that asks for encryption and one that makes it impossible.
TEST(MountRequest, RefusesTlsWithoutATunnel) {
  EXPECT_EQ(refusal("tls,notunnel"), "The \"tls\" and \"notunnel\" options are mutually exclusive");
  EXPECT_TRUE(request("notunnel")->no_tunnel);
}

std::string refusedDevice(const std::string& device, const std::string& options) {
  const auto result = request(options, device);
  return result ? "" : result.error().describe();
}

constexpr const char* kArn = "arn:aws:elasticfilesystem:us-east-1:123456789012:";

// DNS-5: several addresses
TEST(MountRequest, TakesSeveralMountTargetAddresses) {
  const auto result = request("mounttargetip=10.0.0.1+fd00::1");
  ASSERT_TRUE(result) << result.error().describe();
  EXPECT_EQ(result->mount_target_ips, (std::vector<std::string>{"10.0.0.1", "fd00::1"}));
  EXPECT_NE(refusal("mounttargetip=10.0.0.1+").find("not an IPv4"), std::string::npos);
  std::string many = "mounttargetip=10.0.0.1";
  for (int i = 0; i < 16; ++i) many += "+10.0.0.1";
  EXPECT_NE(refusal(many).find("more than 16"), std::string::npos);
}

// DNS-3, NET-1
TEST(MountRequest, TakesCrossAccountAndNetworkNamespace) {
  const auto result = request("crossaccount,netns=/proc/77/ns/net,rw");
  ASSERT_TRUE(result) << result.error().describe();
  EXPECT_TRUE(result->cross_account);
  EXPECT_EQ(result->netns, "/proc/77/ns/net");
  EXPECT_EQ(result->nfs_options.text(), "rw");
  EXPECT_NE(refusal("netns=relative").find("not an absolute path"), std::string::npos);
  EXPECT_NE(refusal("crossaccount,az=us-east-1a").find("incompatible"), std::string::npos);
}

TEST(MountRequest, AnAddressNeedsTheFileSystemId) {
  EXPECT_NE(refusedDevice("10.0.0.5:/", "tls").find("fsid=fs-"), std::string::npos);
  const auto result = request("tls,fsid=fs-0123abcd", "[fd00::5]:/a");
  ASSERT_TRUE(result) << result.error().describe();
  EXPECT_EQ(result->device.fs_id, "fs-0123abcd");
  EXPECT_EQ(result->mount_target_ips, std::vector<std::string>{"fd00::5"});
  EXPECT_FALSE(result->nfs_options.has("fsid"));
  EXPECT_NE(refusedDevice("10.0.0.5:/", "fsid=fs-0,mounttargetip=10.0.0.6").find("already says"),
            std::string::npos);
  EXPECT_NE(refusedDevice("10.0.0.5:/", "fsid=fs-0,az=us-east-1a").find("already says"),
            std::string::npos);
  EXPECT_NE(refusedDevice("10.0.0.5:/", "fsid=xy").find("not a file system id"), std::string::npos);
  EXPECT_NE(refusedDevice("fs-0123abcd:/", "fsid=fs-0").find("device names file system"),
            std::string::npos);
}

TEST(MountRequest, AnArnGivesRegionAndAccessPoint) {
  const std::string fs = std::string(kArn) + "file-system/fs-0123abcd";
  EXPECT_EQ(request("", fs)->region, "us-east-1");
  EXPECT_NE(refusedDevice(fs, "region=us-east-2").find("names region us-east-1"),
            std::string::npos);
  const std::string point = std::string(kArn) + "access-point/" + kAccessPoint;
  EXPECT_NE(refusedDevice(point, "tls").find("fsid=fs-"), std::string::npos);
  EXPECT_NE(refusedDevice(point, "fsid=fs-0123abcd").find("\"tls\" option is required"),
            std::string::npos);
  EXPECT_NE(refusedDevice(point, "tls,fsid=fs-0,accesspoint=fsap-00000000000000000")
                .find("names access point"),
            std::string::npos);
  const auto result = request("tls,fsid=fs-0123abcd", point);
  ASSERT_TRUE(result) << result.error().describe();
  EXPECT_EQ(result->access_point, kAccessPoint);
}

// DEV-3: an alias is resolved later; with fsid the name is the user's own.
TEST(MountRequest, ANameOfTheUsersOwnWorksWithAndWithoutTheFileSystemId) {
  const auto alias = request("tls", "files.example.com:/");
  ASSERT_TRUE(alias);
  EXPECT_EQ(alias->device.fs_id, "");
  EXPECT_TRUE(request("tls,fsid=fs-0123abcd", "files.example.com:/"));
  EXPECT_NE(refusedDevice("nas:/", "fsid=fs-0123abcd").find("not a full DNS name"),
            std::string::npos);
}

// DEV-5
TEST(MountRequest, AnAliasBringsItsZone) {
  auto alias = request("az=us-east-1b", "files.example.com:/");
  ASSERT_TRUE(alias);
  EXPECT_FALSE(adoptCanonicalName(*alias, "us-east-1a.fs-0.efs.us-east-1.amazonaws.com"));
  auto plain = request("", "files.example.com:/");
  ASSERT_TRUE(plain);
  ASSERT_TRUE(adoptCanonicalName(*plain, "us-east-1a.fs-0.efs.us-east-1.amazonaws.com"));
  EXPECT_EQ(plain->az, "us-east-1a");
  EXPECT_EQ(plain->device.fs_id, "fs-0");
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
