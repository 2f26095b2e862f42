#include "efs/state/mount_state.h"

#include <gtest/gtest.h>

#include <limits>

namespace efs::state {
namespace {

// As efs-utils 3.2.0 writes it for a TLS mount (section 14), with a key of the watchdog's.
constexpr const char* kFull =
    R"({"pid": 4711, "cmd": ["/usr/bin/efs-proxy", "/var/run/efs/stunnel-config.fs-1.mnt.20049", )"
    R"("--tls", "--no-direct-s3-read"], "files": ["/var/run/efs/stunnel-config.fs-1.mnt.20049"], )"
    R"("mount_time": 1767323045.25, "mountpoint": "/mnt", "service_type": "elasticfilesystem", )"
    R"("mountStateDir": "fs-1.mnt.20049+", "commonName": "fs-1.efs.us-east-1.amazonaws.com", )"
    R"("region": "us-east-1", "fsId": "fs-1", "certificate": "/c.pem", "privateKey": "/k.pem", )"
    R"("certificateCreationTime": "260102030405Z", "accessPoint": "fsap-1", )"
    R"("awsCredentialsMethod": "metadata:", "unmount_count": 2, "unmount_time": 1767323050.5, )"
    R"("last_stunnel_check_time": 1767323046.125})";

std::string failureOf(std::string_view json) {
  const auto state = MountState::parse(json, "fs-1.mnt.20049");
  return state ? "accepted" : state.error().message();
}

TEST(MountState, ReadsEveryKey) {
  const auto state = MountState::parse(kFull, "x");
  ASSERT_TRUE(state.has_value()) << state.error().message();
  EXPECT_EQ(state->pid, 4711);
  EXPECT_EQ(state->cmd.size(), 4U);
  EXPECT_EQ(state->cmd[2], "--tls");
  EXPECT_EQ(state->files.size(), 1U);
  EXPECT_EQ(state->mount_time, 1767323045.25);
  EXPECT_EQ(state->mountpoint, "/mnt");
  EXPECT_EQ(state->mount_state_dir, "fs-1.mnt.20049+");
  EXPECT_EQ(state->common_name, "fs-1.efs.us-east-1.amazonaws.com");
  EXPECT_EQ(state->region, "us-east-1");
  EXPECT_EQ(state->fs_id, "fs-1");
  EXPECT_EQ(state->certificate, "/c.pem");
  EXPECT_EQ(state->private_key, "/k.pem");
  EXPECT_EQ(state->certificate_creation_time, "260102030405Z");
  EXPECT_EQ(state->access_point, "fsap-1");
  EXPECT_EQ(state->aws_credentials_method, "metadata:");
  EXPECT_EQ(state->unmount_count, 2);
  EXPECT_EQ(state->unmount_time, 1767323050.5);
  EXPECT_EQ(state->unknown_keys, R"({"last_stunnel_check_time":1767323046.125})");
}

TEST(MountState, KeepsWhenTheCredentialsEnd) {
  MountState state;
  EXPECT_EQ(state.serialize().find("awsCredentialsExpiration"), std::string::npos);
  state.credentials_expiration = "260102030405Z";
  EXPECT_EQ(MountState::parse(state.serialize(), "x")->credentials_expiration, "260102030405Z");
}

TEST(MountState, WritesWhatItReadAgain) {
  const auto first = MountState::parse(kFull, "x");
  ASSERT_TRUE(first.has_value());
  const std::string text = first->serialize();
  const auto second = MountState::parse(text, "x");
  ASSERT_TRUE(second.has_value()) << second.error().message();
  EXPECT_EQ(second->serialize(), text);
  EXPECT_EQ(text.find(R"({"pid":4711,"cmd":["/usr/bin/efs-proxy",)"), 0U) << text;
  EXPECT_NE(text.find(R"("mount_time":1767323045.25)"), std::string::npos);
}

// Section 14: unknown keys belong to another version and survive a rewrite.
TEST(MountState, KeepsUnknownKeysOfEveryType) {
  const auto state = MountState::parse(
      R"({"pid":5,"future":{"a":[1,null,true,"x"]},"s":"t","n":-7,"u":18446744073709551615})", "x");
  ASSERT_TRUE(state.has_value());
  MountState changed = *state;
  changed.pid = 6;
  const std::string text = changed.serialize();
  EXPECT_NE(text.find(R"("future":{"a":[1,null,true,"x"]},"s":"t","n":-7)"), std::string::npos);
  EXPECT_NE(text.find("18446744073709551615"), std::string::npos);
  EXPECT_NE(text.find(R"("pid":6)"), std::string::npos);
}

TEST(MountState, LetsNoUnknownKeyReplaceAKnownOne) {
  MountState state;
  state.mountpoint = "/mnt";
  state.unknown_keys = R"({"mountpoint":"/etc","other":1})";
  const auto read = MountState::parse(state.serialize(), "x");
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->mountpoint, "/mnt");
  EXPECT_EQ(read->unknown_keys, R"({"other":1})");
}

// UP-1: files of 1.x lack most keys.
TEST(MountState, AcceptsFilesOfOldVersions) {
  const auto state =
      MountState::parse(R"({"pid": -1, "cmd": ["stunnel", "/c"], "files": ["/c"]})", "x");
  ASSERT_TRUE(state.has_value());
  EXPECT_EQ(state->pid, -1);
  EXPECT_FALSE(state->mount_time.has_value());
  EXPECT_EQ(state->mountpoint, "");
  EXPECT_EQ(state->service_type, "elasticfilesystem");
  EXPECT_EQ(state->mount_state_dir, "");
  EXPECT_FALSE(MountState::parse("{}", "x")->pid.has_value());
  EXPECT_FALSE(MountState::parse(R"({"pid":null,"accessPoint":null})", "x")->pid.has_value());
}

TEST(MountState, KeepsBlanksAndUtf8InMountPoints) {
  MountState state;
  state.mountpoint = "/mnt/my \"files\"/\xC3\xA4";
  EXPECT_EQ(MountState::parse(state.serialize(), "x")->mountpoint, state.mountpoint);
  EXPECT_EQ(MountState::parse(R"({"mountpoint":"/\u00e4"})", "x")->mountpoint, "/\xC3\xA4");
}

TEST(MountState, WritesValidJsonForBytesThatAreNotUtf8) {
  MountState state;
  state.mountpoint = "/mnt/\xFF";
  EXPECT_TRUE(MountState::parse(state.serialize(), "x").has_value());
}

TEST(MountState, LeavesOutTimesThatJsonCannotHold) {
  MountState state;
  state.mount_time = std::numeric_limits<double>::quiet_NaN();
  state.unmount_time = std::numeric_limits<double>::infinity();
  EXPECT_EQ(state.serialize().find("time"), std::string::npos);
}

TEST(MountState, NamesFileAndKeyOfAWrongType) {
  const auto wrong = [](const std::string& key, const std::string& what) {
    return "state file fs-1.mnt.20049: key \"" + key + "\" is not " + what;
  };
  EXPECT_EQ(failureOf(R"({"pid":"5"})"), wrong("pid", "an integer"));
  EXPECT_EQ(failureOf(R"({"pid":5.0})"), wrong("pid", "an integer"));
  EXPECT_EQ(failureOf(R"({"pid":-2})"), wrong("pid", "an integer in range"));
  EXPECT_EQ(failureOf(R"({"pid":2147483648})"), wrong("pid", "an integer in range"));
  EXPECT_EQ(failureOf(R"({"pid":18446744073709551615})"), wrong("pid", "an integer in range"));
  EXPECT_EQ(failureOf(R"({"pid":0})"), "state file fs-1.mnt.20049: key \"pid\" is 0");
  EXPECT_EQ(failureOf(R"({"cmd":"efs-proxy"})"), wrong("cmd", "a list of strings"));
  EXPECT_EQ(failureOf(R"({"cmd":["x",1]})"), wrong("cmd", "a list of strings"));
  EXPECT_EQ(failureOf(R"({"mountpoint":["/"]})"), wrong("mountpoint", "a string"));
  EXPECT_EQ(failureOf(R"({"mount_time":"now"})"), wrong("mount_time", "a number"));
  EXPECT_EQ(failureOf(R"({"unmount_count":-1})"), wrong("unmount_count", "an integer in range"));
}

TEST(MountState, RefusesHostileInput) {
  const std::string prefix = "state file fs-1.mnt.20049: ";
  EXPECT_EQ(failureOf(""), prefix + "not valid JSON at byte 1");
  EXPECT_EQ(failureOf("[]"), prefix + "not a JSON object");
  EXPECT_EQ(failureOf("{\"pid\":5"), prefix + "not valid JSON at byte 9");
  EXPECT_EQ(failureOf(R"({"mount_time":NaN})"), prefix + "not valid JSON at byte 15");
  EXPECT_EQ(failureOf(R"({"mount_time":1e999})"), prefix + "a number is out of range");
  EXPECT_EQ(failureOf(R"({"a":)" + std::string(100000, '[')), prefix + "nested too deeply");
  EXPECT_EQ(failureOf("{\"a\":\"" + std::string(300000, 'x') + "\"}"),
            prefix + "longer than 262144 bytes");
  EXPECT_EQ(failureOf("{\"mountpoint\":\"\xFF\"}").find(prefix + "not valid JSON"), 0U);
}

TEST(MountState, CountsNoBracketsInsideStrings) {
  EXPECT_EQ(failureOf(R"({"a":"\")" + std::string(100, '[') + "\"}"), "accepted");
}

TEST(MountStateOrigin, SurvivesAndIsAbsentWhereItWasAbsent) {
  MountState state;
  EXPECT_EQ(state.serialize().find("awsCredentialsOrigin"), std::string::npos);
  state.credentials_origin = {.home = "/root",
                              .directory = "/srv",
                              .environment = {{"AWS_PROFILE", "backup"}},
                              .account = "123456789012",
                              .principal = "role/web",
                              .access_key_id = "AKIA"};
  const auto back = MountState::parse(state.serialize(), "x");
  ASSERT_TRUE(back) << back.error().describe();
  ASSERT_TRUE(back->credentials_origin);
  EXPECT_EQ(back->credentials_origin->home, "/root");
  EXPECT_EQ(back->credentials_origin->directory, "/srv");
  EXPECT_EQ(back->credentials_origin->environment.at("AWS_PROFILE"), "backup");
  EXPECT_EQ(back->credentials_origin->account, "123456789012");
  EXPECT_EQ(back->credentials_origin->principal, "role/web");
  EXPECT_EQ(back->credentials_origin->access_key_id, "AKIA");
  EXPECT_FALSE(MountState::parse("{}", "x")->credentials_origin);
}

TEST(MountStateOrigin, OfAWrongTypeIsAnError) {
  for (const char* value : {R"("x")", R"([])", R"({"home":1})", R"({"environment":[]})",
                            R"({"environment":{"A":1}})", R"({"principal":{}})"}) {
    const std::string json = R"({"awsCredentialsOrigin":)" + std::string(value) + "}";
    EXPECT_FALSE(MountState::parse(json, "x")) << value;
  }
}

}  // namespace
}  // namespace efs::state
