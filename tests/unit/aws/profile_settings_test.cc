// What a profile or a variable says beside the source of credentials, as botocore takes it: each of
// these was found by tests/integration/aws/botocore_differential_test.py.
#include <atomic>

#include "credential_world.h"
#include "efs/aws/endpoints.h"
#include "loopback_http_server.h"

namespace efs::aws {
namespace {

constexpr const char* kInstanceRole =
    "[profile p]\nrole_arn = arn:aws:iam::1:role/x\ncredential_source = Ec2InstanceMetadata\n";

class ProfileSettings : public CredentialWorld {
 protected:
  static bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
  }
  // Hands out no token, but answers without one.
  std::string versionOne(const std::string& request) {
    ++asked_;
    if (request.starts_with("PUT ")) return test::httpReply(403, "");
    if (request.starts_with("GET /latest/meta-data/iam/security-credentials/ ")) {
      return test::httpReply(200, "web-server");
    }
    return test::httpReply(200, role_document_);
  }
  std::atomic<int> asked_ = 0;
};

TEST_F(ProfileSettings, VersionOneOfTheMetadataServiceCanBeForbidden) {
  test::LoopbackHttpServer server(
      [this](const std::string& request) { return versionOne(request); });
  set("AWS_EC2_METADATA_SERVICE_ENDPOINT", server.url());
  write("config", kInstanceRole);
  EXPECT_TRUE(find({.profile = "p"}));
  for (const char* text : {"true", "TRUE"}) {
    write("config", std::string(kInstanceRole) + "ec2_metadata_v1_disabled = " + text + "\n");
    asked_ = 0;
    EXPECT_TRUE(
        has(failure({.profile = "p"}), "version 1 is forbidden by AWS_EC2_METADATA_V1_DISABLED"));
    EXPECT_EQ(asked_, 1);  // for the token
  }
  set("AWS_EC2_METADATA_V1_DISABLED", "false");
  EXPECT_TRUE(find({.profile = "p"}));
  set("AWS_EC2_METADATA_V1_DISABLED", "true");
  write("config", "[profile other]\n");
  EXPECT_TRUE(has(failure(), "version 1 is forbidden"));
  unset("AWS_EC2_METADATA_V1_DISABLED");
  EXPECT_TRUE(find());
}

TEST_F(ProfileSettings, TheAgentsPathIsAskedWithTheTokenToo) {
  write("config",
        "[profile p]\nrole_arn = arn:aws:iam::1:role/x\ncredential_source = EcsContainer\n");
  offerContainer();
  const auto asked = [&] {
    EXPECT_TRUE(find({.profile = "p"}));
    return server_.requests()[server_.requests().size() - 2];
  };
  EXPECT_FALSE(has(asked(), "Authorization:"));
  set("AWS_CONTAINER_AUTHORIZATION_TOKEN", "Basic abc");
  EXPECT_TRUE(has(asked(), "Authorization: Basic abc\r\n"));
  write("token", "of the file");
  set("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", home_ + "/.aws/token");
  EXPECT_TRUE(has(asked(), "Authorization: of the file\r\n"));
}

TEST_F(ProfileSettings, AFipsRegionIsTheRegionWithFipsEndpoints) {
  const auto url = [](Service service, const char* region) {
    return endpointUrl(service, region, {}).value_or("");
  };
  EXPECT_EQ(url(Service::kSts, "fips-us-east-1"), "https://sts-fips.us-east-1.amazonaws.com");
  EXPECT_EQ(url(Service::kEfs, "us-west-2-fips"),
            "https://elasticfilesystem-fips.us-west-2.amazonaws.com");
  EXPECT_EQ(url(Service::kSts, "us-gov-west-1-fips"), "https://sts.us-gov-west-1.amazonaws.com");
  EXPECT_EQ(plainRegion("fips-us-east-1"), "us-east-1");
  EXPECT_EQ(plainRegion("us-east-1"), "us-east-1");
  write("config",
        "[profile p]\nrole_arn = arn:aws:iam::1:role/x\nsource_profile = q\nregion = "
        "us-east-2-fips\n" +
            keys("profile q", "BASE"));
  ASSERT_TRUE(find({.profile = "p"}));
  EXPECT_TRUE(has(lastRequest(), "/us-east-2/sts/aws4_request")) << lastRequest();
}

TEST_F(ProfileSettings, ARegionThatIsNoneIsRefusedBesideAnEndpointToo) {
  write("config",
        "[profile p]\nrole_arn = arn:aws:iam::1:role/x\nsource_profile = q\nregion = us-east-1 # "
        "old\n" +
            keys("profile q", "BASE"));
  EXPECT_TRUE(has(failure({.profile = "p"}), "not a region: us-east-1 # old"));
  EXPECT_EQ(requestsTo(Endpoint::kAssumeRole), 0);
}

TEST_F(ProfileSettings, ASourceThatHasEndedSignsForNoRole) {
  offerContainer();
  write("config",
        "[profile p]\nrole_arn = arn:aws:iam::1:role/x\ncredential_source = EcsContainer\n");
  answer(Endpoint::kContainer,
         test::httpReply(200, R"({"AccessKeyId":"OLD","SecretAccessKey":"S","Token":"T",)"
                              R"("Expiration":"2020-01-01T00:00:00Z"})"));
  EXPECT_TRUE(has(failure({.profile = "p"}), "ended at 2020-01-01T00:00:00Z"));
  EXPECT_EQ(requestsTo(Endpoint::kAssumeRole), 0);
}

TEST_F(ProfileSettings, AnEmptyStartUrlIsOneLikeOthers) {
  const std::string login =
      "[profile p]\nsso_session = corp\nsso_account_id = 123456789012\nsso_role_name = r\n";
  const std::string session = "[sso-session corp]\nsso_region = eu-central-1\nsso_start_url = ";
  offerSsoProfile("profile other");  // writes the log-in
  write("config", login + "sso_start_url =\n" + session + "https://corp.awsapps.com/start\n");
  EXPECT_TRUE(
      has(failure({.profile = "p"}), "sso_start_url differs from that of [sso-session corp]"));
  write("config", login + session + "\n");
  EXPECT_TRUE(find({.profile = "p"}));  // the log-in is found by the session's name
}

TEST_F(ProfileSettings, AnEmptyRegionOfALogInDoesBesideAnEndpoint) {
  const std::string login =
      "[profile p]\nsso_session = corp\nsso_account_id = 123456789012\nsso_role_name = r\n";
  offerSsoProfile("profile other");  // writes the log-in
  write("config", login +
                      "[sso-session corp]\nsso_region =\n"
                      "sso_start_url = https://corp.awsapps.com/start\n");
  const auto found = find({.profile = "p"});
  ASSERT_TRUE(found) << found.error().describe();
  EXPECT_EQ(found->access_key_id, "SSO");
  unset("AWS_ENDPOINT_URL_SSO");
  unset("AWS_ENDPOINT_URL");
  EXPECT_TRUE(has(failure({.profile = "p"}), "not a region: "));
}

}  // namespace
}  // namespace efs::aws
