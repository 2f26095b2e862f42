#include <gtest/gtest.h>

#include <cstdlib>

#include "credential_world.h"
#include "efs/aws/credential_chain.h"
#include "efs/base/files.h"
#include "efs/base/log.h"

namespace efs::aws {
namespace {

using CredentialChain = CredentialWorld;

// CRED-3: default of the credentials file before default of the config file
TEST_F(CredentialChain, UsesTheDefaultProfileOfTheCredentialsFile) {
  write("credentials", keys("default", "ONE") + "aws_session_token = token\n");
  write("config", keys("default", "TWO"));
  const auto found = find();
  ASSERT_TRUE(found) << found.error().describe();
  EXPECT_EQ(found->access_key_id, "ONE");
  EXPECT_EQ(found->secret_access_key.reveal(), "secret-of-ONE");
  EXPECT_EQ(found->session_token->reveal(), "token");
  EXPECT_EQ(found->method, "credentials:default");  // CRED-10
  EXPECT_EQ(found->source, "profile default of " + home_ + "/.aws/credentials");
  EXPECT_TRUE(server_.requests().empty());
}

// CRED-3, CRED-10
TEST_F(CredentialChain, UsesTheDefaultProfileOfTheConfigFile) {
  write("credentials", keys("other", "ONE"));
  write("config", keys("default", "TWO"));
  const auto found = find();
  ASSERT_TRUE(found) << found.error().describe();
  EXPECT_EQ(found->access_key_id, "TWO");
  EXPECT_EQ(found->method, "config:default");
  EXPECT_FALSE(found->session_token);
}

// CRED-3: option before AWS_PROFILE before default
TEST_F(CredentialChain, PrefersTheOptionThenTheVariableThenDefault) {
  write("credentials",
        keys("default", "D") + keys("from-option", "O") + keys("from-variable", "V"));
  environment_["AWS_PROFILE"] = "from-variable";
  EXPECT_EQ(find({.profile = "from-option"})->access_key_id, "O");
  EXPECT_EQ(find({.profile = ""})->access_key_id, "V");
  EXPECT_EQ(find()->access_key_id, "V");
  environment_["AWS_PROFILE"] = "";
  EXPECT_EQ(find()->access_key_id, "D");
}

// CRED-3: a profile is final
TEST_F(CredentialChain, ANamedProfileThatIsNotThereIsFinal) {
  write("credentials", keys("default", "D"));
  offerContainer();
  const auto found = find({.profile = "p"});
  ASSERT_FALSE(found);
  EXPECT_TRUE(found.error().message().starts_with(
      "AWS Access Key ID and Secret Access Key are not found: profile p: no [p] in "))
      << found.error().message();
  EXPECT_TRUE(server_.requests().empty());
}

// CRED-3: the first two steps take the section's name exactly as given, the third one is botocore's
TEST_F(CredentialChain, AProfileOfTheConfigFileIsFoundInItsOwnSpelling) {
  write("config", keys("profile p", "P"));
  const auto found = find({.profile = "p"});
  ASSERT_TRUE(found) << found.error().describe();
  EXPECT_EQ(found->access_key_id, "P");
  EXPECT_EQ(found->method, "named_profile:p");
}

TEST_F(CredentialChain, AProfileWithoutItsSecretIsNotReplacedByTheInstanceRole) {
  write("credentials", "[default]\naws_access_key_id = ONE\n");
  const auto found = find();
  ASSERT_FALSE(found);
  EXPECT_NE(found.error().message().find("has no aws_secret_access_key"), std::string::npos);
  EXPECT_TRUE(server_.requests().empty());
}

TEST_F(CredentialChain, ABrokenFileIsAnErrorWithItsLine) {
  write("credentials", "[default]\nnonsense\n");
  const auto found = find();
  ASSERT_FALSE(found);
  EXPECT_NE(found.error().message().find("/.aws/credentials: line 2: "), std::string::npos);
  EXPECT_TRUE(server_.requests().empty());
}

TEST_F(CredentialChain, ValuesWithBlanksAreRefusedAndNotShown) {
  write("credentials", "[default]\naws_access_key_id = A\naws_secret_access_key = hush # old\n");
  const auto found = find();
  ASSERT_FALSE(found);
  EXPECT_NE(found.error().message().find("the secret access key contains blanks"),
            std::string::npos);
  EXPECT_EQ(found.error().describe().find("hush"), std::string::npos);
}

// CRED-4, CRED-10
TEST_F(CredentialChain, UsesTheInstanceRoleWithoutAProfile) {
  write("config", "[default]\nregion = eu-west-1\n");
  const auto found = find();
  ASSERT_TRUE(found) << found.error().describe();
  EXPECT_EQ(found->access_key_id, "ROLE");
  EXPECT_EQ(found->session_token->reveal(), "T");
  EXPECT_EQ(found->method, "metadata:");
  EXPECT_EQ(found->source, "instance role web-server");
  EXPECT_EQ(found->arn, "arn:aws-cn:sts::123456789012:assumed-role/web-server");
}

// CRED-6
TEST_F(CredentialChain, KeysOfTheEnvironmentAreNotUsed) {
  environment_["AWS_ACCESS_KEY_ID"] = "ENV";
  environment_["AWS_SECRET_ACCESS_KEY"] = "hush";
  EXPECT_EQ(find()->access_key_id, "ROLE");
  has_role_ = false;
  const auto found = find();
  ASSERT_FALSE(found);
  EXPECT_NE(found.error().message().find("AWS_ACCESS_KEY_ID of the environment is never used"),
            std::string::npos);
}

TEST_F(CredentialChain, ListsEverySourceWhenAllAreSilent) {
  has_role_ = false;
  const auto found = find();
  ASSERT_FALSE(found);
  const std::string text = found.error().message();
  EXPECT_TRUE(text.starts_with("AWS Access Key ID and Secret Access Key are not found: "));
  for (const char* part :
       {"profile: none named", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI not set",
        "[default] without access keys", "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_WEB_IDENTITY_TOKEN_FILE", "instance role: no IAM role is attached"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << " in " << text;
  }
  EXPECT_FALSE(found.error().hint().empty());
}

TEST_F(CredentialChain, ABrokenRoleDocumentIsToldWithoutItsContent) {
  role_document_ = R"({"AccessKeyId":"A","SecretAccessKey":"hush)";
  const auto found = find();
  ASSERT_FALSE(found);
  EXPECT_NE(found.error().message().find("role web-server: the reply is not a JSON object"),
            std::string::npos)
      << found.error().message();
  EXPECT_EQ(found.error().message().find("hush"), std::string::npos);
}

// CRED-10: renewal uses only the source named
TEST_F(CredentialChain, RenewalUsesOnlyTheNamedSource) {
  write("credentials", keys("p:q", "ONE"));
  write("config", keys("p:q", "TWO"));
  EXPECT_EQ(credentialsByMethod(context(), "credentials:p:q")->access_key_id, "ONE");
  EXPECT_EQ(credentialsByMethod(context(), "config:p:q")->access_key_id, "TWO");
  EXPECT_EQ(credentialsByMethod(context(), "metadata:")->access_key_id, "ROLE");
  EXPECT_FALSE(credentialsByMethod(context(), "credentials:gone"));
  for (const char* method :
       {"", ":", "credentials:", "credentials", "nonsense:x", "ecs:", "ecs:x", "podidentity:u",
        "podidentity:,f", "webidentity:a", "webidentity:a,", "named_profile:"}) {
    EXPECT_EQ(credentialsByMethod(context(), method).error().kind(), ErrorKind::kInvalidInput);
  }
}

TEST_F(CredentialChain, WarnsWhenOthersCanReadTheFile) {
  const std::string path = home_ + "/mount.log";
  ASSERT_TRUE(log::open({.path = path}));
  write("credentials", keys("default", "D"));
  ASSERT_TRUE(find());
  EXPECT_EQ(readFile(path).value_or(""), "");
  write("credentials", keys("default", "D"), 0644);
  ASSERT_TRUE(find());
  log::setLevel(log::Level::kOff);
  EXPECT_NE(readFile(path)->find("/.aws/credentials holds credentials and is accessible to other "
                                 "users (mode 0644)"),
            std::string::npos);
}

// CRED-5
TEST(HomeDirectory, ComesFromThePasswordFile) {
  ::setenv("HOME", "/somewhere/else", 1);
  EXPECT_EQ(homeDirectoryOf(0).value(), "/root");
  EXPECT_FALSE(homeDirectoryOf(4294967000U));
}

// Relative names mean the directory that mount.efs was called in, also in a renewal.
TEST_F(CredentialChain, RelativePathsBeginAtTheCallersDirectory) {
  write("elsewhere", keys("backup", "TEAM"));
  set("AWS_SHARED_CREDENTIALS_FILE", ".aws/elsewhere");
  CredentialContext context = this->context();
  context.directory = home_;
  const auto found = findCredentials(context, {.profile = "backup"});
  ASSERT_TRUE(found) << found.error().describe();
  EXPECT_EQ(found->access_key_id, "TEAM");
}

}  // namespace
}  // namespace efs::aws
