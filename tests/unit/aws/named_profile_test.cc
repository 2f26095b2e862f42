// What botocore made of a named profile: roles, chains, sources (third step of CRED-3).
#include "credential_world.h"
#include "efs/base/files.h"
#include "efs/base/text.h"

namespace efs::aws {
namespace {

class NamedProfile : public CredentialWorld {
 protected:
  std::string bodyOfLast() const {
    const std::string request = lastRequest();
    return request.substr(request.find("\r\n\r\n") + 4);
  }
  std::string signerOfLast() const {
    const std::string request = lastRequest();
    const auto begin = request.find("Credential=") + 11;
    return request.substr(begin, request.find('/', begin) - begin);
  }
  std::string failed(const std::string& config) {
    write("config", config);
    const std::string text = failure({.profile = "p"});
    EXPECT_EQ(requestsTo(Endpoint::kAssumeRole), 0);
    EXPECT_EQ(requestsTo(Endpoint::kImds), 0);
    return text;
  }
};

TEST_F(NamedProfile, ARoleIsAssumedWithItsSourceProfile) {
  write("config",
        "[profile p]\nrole_arn = arn:aws:iam::1:role/x\nsource_profile = base\n"
        "external_id = a b&c\nrole_session_name = me@host\nduration_seconds = 900\n");
  write("credentials", keys("base", "BASE"));
  const auto found = find({.profile = "p"});
  ASSERT_TRUE(found) << found.error().describe();
  EXPECT_EQ(found->access_key_id, "ASSUMED");
  EXPECT_EQ(found->method, "named_profile:p");
  EXPECT_EQ(found->source, "profile p with access key of profile base");
  EXPECT_EQ(found->arn, "arn:aws:sts::1:assumed-role/r/efs-mount-helper");
  EXPECT_TRUE(found->expiration);
  EXPECT_EQ(signerOfLast(), "BASE");
  EXPECT_EQ(bodyOfLast(),
            "Version=2011-06-15&Action=AssumeRole&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fx&"
            "RoleSessionName=me%40host&ExternalId=a%20b%26c&DurationSeconds=900");
  EXPECT_NE(lastRequest().find("/eu-west-1/sts/aws4_request, SignedHeaders=accept;content-type;"
                               "host;x-amz-date, Signature="),
            std::string::npos)
      << lastRequest();
}

TEST_F(NamedProfile, AChainOfRolesIsWalkedToItsKeys) {
  write("config",
        "[profile p]\nrole_arn = arn:aws:iam::1:role/p\nsource_profile = q\n"
        "[profile q]\nrole_arn = arn:aws:iam::1:role/q\nsource_profile = base\n"
        "[profile base]\naws_access_key_id = BASE\naws_secret_access_key = S\n");
  const auto found = find({.profile = "p"});
  ASSERT_TRUE(found) << found.error().describe();
  EXPECT_EQ(requestsTo(Endpoint::kAssumeRole), 2);
  EXPECT_EQ(signerOfLast(), "ASSUMED");  // of the first role
  EXPECT_NE(lastRequest().find("x-amz-security-token"), std::string::npos);
  EXPECT_EQ(found->source, "profile p with profile q with access key of profile base");
}

TEST_F(NamedProfile, EachCredentialSourceCanSignForTheRole) {
  const std::string role = "[profile p]\nrole_arn = arn:aws:iam::1:role/x\ncredential_source = ";
  write("config", role + "Ec2InstanceMetadata\n");
  ASSERT_TRUE(find({.profile = "p"}));
  EXPECT_EQ(signerOfLast(), "ROLE");
  write("config", role + "EcsContainer\n");
  offerContainer();
  ASSERT_TRUE(find({.profile = "p"}));
  EXPECT_EQ(signerOfLast(), "ECS");
  unset("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
  set("AWS_CONTAINER_CREDENTIALS_FULL_URI", server_.url() + "/pod");
  set("AWS_CONTAINER_AUTHORIZATION_TOKEN", "Basic abc");
  ASSERT_TRUE(find({.profile = "p"}));
  EXPECT_EQ(signerOfLast(), "POD");
  EXPECT_NE(server_.requests()[server_.requests().size() - 2].find("Authorization: Basic abc\r\n"),
            std::string::npos);
  write("config", role + "Environment\n");
  set("AWS_ACCESS_KEY_ID", "ENV");
  set("AWS_SECRET_ACCESS_KEY", "S");
  ASSERT_TRUE(find({.profile = "p"}));
  EXPECT_EQ(signerOfLast(), "ENV");
}

TEST_F(NamedProfile, AMissingCredentialSourceIsNamed) {
  const std::string role = "[profile p]\nrole_arn = arn:aws:iam::1:role/x\ncredential_source = ";
  EXPECT_NE(failed(role + "Environment\n").find("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY of"),
            std::string::npos);
  EXPECT_NE(failed(role + "EcsContainer\n").find("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI not set"),
            std::string::npos);
  EXPECT_NE(failed(role + "Lambda\n").find("credential_source = Lambda is not known"),
            std::string::npos);
  has_role_ = false;
  write("config", role + "Ec2InstanceMetadata\n");
  EXPECT_NE(failure({.profile = "p"}).find("no IAM role is attached"), std::string::npos);
}

TEST_F(NamedProfile, AWebIdentityOfAProfileIsUsed) {
  offerWebIdentity();
  const std::string file = environment_["AWS_WEB_IDENTITY_TOKEN_FILE"];
  unset("AWS_ROLE_ARN");
  unset("AWS_WEB_IDENTITY_TOKEN_FILE");
  write("config",
        "[profile p]\nrole_arn = arn:aws:iam::1:role/x\nweb_identity_token_file = " + file + "\n");
  const auto found = find({.profile = "p"});
  ASSERT_TRUE(found) << found.error().describe();
  EXPECT_EQ(found->access_key_id, "WEB");
  EXPECT_EQ(found->method, "named_profile:p");
}

TEST_F(NamedProfile, KeysOfTheSourceWinOverItsRole) {
  write("config",
        "[profile p]\nrole_arn = arn:aws:iam::1:role/p\nsource_profile = q\n"
        "[profile q]\nrole_arn = arn:aws:iam::1:role/q\nsource_profile = p\n"
        "aws_access_key_id = Q\naws_secret_access_key = S\n");
  ASSERT_TRUE(find({.profile = "p"}));
  EXPECT_EQ(signerOfLast(), "Q");
  EXPECT_EQ(requestsTo(Endpoint::kAssumeRole), 1);
}

TEST_F(NamedProfile, AProfileMayNameItselfForItsOwnKeys) {
  write("config",
        "[profile p]\nrole_arn = arn:aws:iam::1:role/p\nsource_profile = p\n"
        "aws_access_key_id = OWN\naws_secret_access_key = S\n");
  ASSERT_TRUE(find({.profile = "p"}));
  EXPECT_EQ(signerOfLast(), "OWN");
}

TEST_F(NamedProfile, LoopsAreRefused) {
  const std::string role = "role_arn = arn:aws:iam::1:role/x\nsource_profile = ";
  EXPECT_NE(failed("[profile p]\n" + role + "p\n").find("source_profile p leads back to itself"),
            std::string::npos);
  EXPECT_NE(
      failed("[profile p]\n" + role + "q\n[profile q]\n" + role + "r\n[profile r]\n" + role + "q\n")
          .find("source_profile q leads back to itself: p -> q -> r"),
      std::string::npos);
  std::string chain = "[profile p]\n" + role + "c0\n";
  for (int i = 0; i < 110; ++i) {
    chain += "[profile c" + std::to_string(i) + "]\n" + role + "c" + std::to_string(i + 1) + "\n";
  }
  EXPECT_NE(failed(chain).find("the chain of source_profile is too long"), std::string::npos);
}

TEST_F(NamedProfile, EachMistakeHasItsOwnMessage) {
  const std::string role = "[profile p]\nrole_arn = arn:aws:iam::1:role/x\n";
  const std::vector<std::pair<std::string, const char*>> rows{
      {role, "role_arn without source_profile or credential_source"},
      {role + "source_profile = a\ncredential_source = Environment\n",
       "both source_profile and credential_source are given"},
      {role + "source_profile = gone\n", "there is no profile gone in "},
      {role + "source_profile = q\n[profile q]\nregion = x\n", "profile q: there is no aws_access"},
      {role + "source_profile = p\nmfa_serial = arn:aws:iam::1:mfa/me\n", "mfa_serial asks for a"},
      {role + "source_profile = p\nduration_seconds = 899\n", "duration_seconds is less than 900"},
      {role + "source_profile = q\n[profile q]\n[profile q]\n", "appears twice"},
      {"[profile p]\nweb_identity_token_file = /x\n", "web_identity_token_file without role_arn"},
      {"[profile p]\nlogin_session = arn:x\n", "login_session is not supported"},
      {"[profile p]\nregion = x\n", "profile p: there is no aws_access_key_id, and no role_arn"},
      {"[profile p]\nrole_arn = x\nsource_profile = q\n[profile q]\naws_access_key_id = A\n"
       "aws_secret_access_key = S\n",
       "not the ARN of a role: x"},
  };
  for (const auto& [config, message] : rows) {
    const std::string text = failed(config);
    EXPECT_NE(text.find(message), std::string::npos) << text;
    EXPECT_NE(text.find("profile p"), std::string::npos) << text;
  }
}

// The spellings of section names that the AWS CLI knows, and the two variables.
TEST_F(NamedProfile, FilesAndSectionsAreFoundAsTheCliFindsThem) {
  write("config",
        "[profile \"my profile\"]\naws_access_key_id = QUOTED\naws_secret_access_key = S\n"
        "[profilex]\naws_access_key_id = X\n[profile a b]\naws_access_key_id = AB\n");
  EXPECT_EQ(find({.profile = "my profile"})->access_key_id, "QUOTED");
  EXPECT_FALSE(find({.profile = "a b"}));
  write("elsewhere", keys("p", "ELSE"));
  write("other-config", keys("profile c", "CONFIG"));
  set("AWS_SHARED_CREDENTIALS_FILE", home_ + "/.aws/elsewhere");
  set("AWS_CONFIG_FILE", "~/.aws/other-config");
  EXPECT_EQ(find({.profile = "p"})->access_key_id, "ELSE");
  EXPECT_EQ(find({.profile = "c"})->access_key_id, "CONFIG");
  EXPECT_FALSE(find({.profile = "my profile"}));
}

// As botocore sends them: what STS allows is for STS to say.
TEST_F(NamedProfile, SessionNameAndDurationGoAsBotocoreSendsThem) {
  const std::string begin = "[profile p]\nrole_arn = arn:aws:iam::1:role/x\nsource_profile = q\n";
  const std::string end = "\n" + keys("profile q", "BASE");
  const std::vector<std::pair<std::string, std::string>> rows{
      {"role_session_name = a b/\xC3\xA4", "&RoleSessionName=a%20b%2F%C3%A4"},
      {"duration_seconds =  +3_600 ", "&DurationSeconds=3600"},
      {"duration_seconds = 99999", "&DurationSeconds=99999"},
      {"duration_seconds = 0900", "&DurationSeconds=900"},
      {"duration_seconds = 99999999999999999999", "&DurationSeconds=99999999999999999999"}};
  for (const auto& [key, sent] : rows) {
    write("config", begin + key + end);
    ASSERT_TRUE(find({.profile = "p"})) << key;
    EXPECT_NE(bodyOfLast().find(sent), std::string::npos) << bodyOfLast();
  }
  for (const char* ignored : {"1h", "3600.0", "3__600", "_900", ""}) {
    write("config", begin + "duration_seconds = " + ignored + end);
    ASSERT_TRUE(find({.profile = "p"})) << ignored;
    EXPECT_EQ(bodyOfLast().find("DurationSeconds"), std::string::npos) << bodyOfLast();
  }
}

// A session may be there for other programs: account or role make a log-in.
TEST_F(NamedProfile, ASessionAloneIsNoLogIn) {
  write("config", "[profile p]\nsso_session = corp\ncredential_process = " + home_ + "/program\n");
  ASSERT_TRUE(writeFileAtomic(home_ + "/program",
                              "#!/bin/sh\necho '{\"Version\":1.0,\"AccessKeyId\":\"PROCESS\","
                              "\"SecretAccessKey\":\"S\"}'\n",
                              {.mode = 0700}));
  EXPECT_EQ(find({.profile = "p"})->access_key_id, "PROCESS");
  write("config", "[default]\nsso_session = corp\nregion = x\n");
  EXPECT_EQ(find()->access_key_id, "ROLE");
}

TEST_F(NamedProfile, APathOfAProgramBeginsWhereTheMountWasAskedFor) {
  write("program",
        "#!/bin/sh\necho '{\"Version\":1,\"AccessKeyId\":\"HERE\",\"SecretAccessKey\":\"S\"}'\n",
        0700);
  write("config", "[profile p]\ncredential_process = ./program\n");
  auto there = context();
  there.directory = home_ + "/.aws";
  const auto found = findCredentials(there, {.profile = "p"});
  ASSERT_TRUE(found) << found.error().describe();
  EXPECT_EQ(found->access_key_id, "HERE");
}

TEST_F(NamedProfile, HalvesOfTwoFilesMakeNoKeys) {
  write("config", "[profile p]\naws_secret_access_key = S\n");
  write("credentials", "[p]\naws_access_key_id = A\n");
  EXPECT_NE(failure({.profile = "p"}).find("has no aws_secret_access_key"), std::string::npos);
}

TEST_F(NamedProfile, TheLaterSectionOfOneNameCounts) {
  write("config",
        keys("profile default", "OLD") + keys("profile \"p\"", "OLD") + keys("profile 'p'", "NEW"));
  EXPECT_EQ(find({.profile = "p"})->access_key_id, "NEW");
  EXPECT_EQ(find({.profile = "default"})->access_key_id, "OLD");
}

TEST_F(NamedProfile, TheOlderNameOfTheTokenIsKnown) {
  write("credentials", keys("p", "A") + "aws_security_token = older\n");
  EXPECT_EQ(find({.profile = "p"})->session_token->reveal(), "older");
}

// Its own region, not that of the mount, and not that of its source.
TEST_F(NamedProfile, StsIsAskedInTheProfilesRegion) {
  const std::string role = "[profile p]\nrole_arn = arn:aws:iam::1:role/x\nsource_profile = q\n";
  const std::string source = keys("profile q", "BASE") + "region = sa-east-1\n";
  write("config", role + source);
  ASSERT_TRUE(find({.profile = "p"}));
  EXPECT_NE(lastRequest().find("/eu-west-1/sts/aws4_request"), std::string::npos);
  write("config", role + "region = us-east-2\n" + source);
  ASSERT_TRUE(find({.profile = "p"}));
  EXPECT_NE(lastRequest().find("/us-east-2/sts/aws4_request"), std::string::npos);
  set("AWS_DEFAULT_REGION", "ap-south-1");
  ASSERT_TRUE(find({.profile = "p"}));
  EXPECT_NE(lastRequest().find("/ap-south-1/sts/aws4_request"), std::string::npos);
}

TEST_F(NamedProfile, EndpointsOfTheProfileComeAfterThoseOfTheEnvironment) {
  const std::string url = server_.url();
  const std::string role = "[profile p]\nrole_arn = arn:aws:iam::1:role/x\nsource_profile = q\n";
  const std::string source = keys("profile q", "BASE");
  unset("AWS_ENDPOINT_URL_STS");
  for (const std::string& keys_of_p : {"endpoint_url = " + url + "\n",
                                       "endpoint_url = http://127.0.0.1:1\nservices = "
                                       "mine\n[services mine]\nsts =\n  endpoint_url = " +
                                           url + "\n"}) {
    write("config", role + keys_of_p + source);
    ASSERT_TRUE(find({.profile = "p"})) << keys_of_p;
  }
  write("config", role + "services = gone\n" + source);
  EXPECT_NE(failure({.profile = "p"}).find("there is no [services gone]"), std::string::npos);
  write("config", role + "services = mine\n[services mine]\nsts =\n  nonsense\n  endpoint_url = " +
                      url + "\n" + source);
  EXPECT_NE(failure({.profile = "p"}).find("sts of [services mine]: a line below it has no \"=\""),
            std::string::npos)
      << failure({.profile = "p"});
  set("AWS_ENDPOINT_URL", url);
  ASSERT_TRUE(find({.profile = "p"}));
  unset("AWS_ENDPOINT_URL");
  write("config",
        role + "endpoint_url = ftp://x\nignore_configured_endpoint_urls = true\n" + source);
  // The real one, which nobody reaches from here.
  EXPECT_EQ(failure({.profile = "p"}).find("ftp"), std::string::npos);
}

TEST_F(NamedProfile, KeysOfTheCredentialsFileWinOverThoseOfTheConfigFile) {
  write("config",
        "[profile p]\nrole_arn = arn:aws:iam::1:role/x\nsource_profile = q\n"
        "[profile q]\naws_access_key_id = OLD\naws_secret_access_key = OLD\n");
  write("credentials", keys("q", "NEW"));
  ASSERT_TRUE(find({.profile = "p"}));
  EXPECT_EQ(signerOfLast(), "NEW");
}

}  // namespace
}  // namespace efs::aws
