#include "efs/aws/imds_documents.h"

#include <gtest/gtest.h>

namespace efs::aws {
namespace {

TEST(ImdsDocuments, IdentityNeedsOnlyTheRegion) {
  const auto identity = parseInstanceIdentity(R"({"region":"us-gov-west-1","instanceId":7})");
  ASSERT_TRUE(identity);
  EXPECT_EQ(identity->region, "us-gov-west-1");
  EXPECT_EQ(identity->availability_zone, "");
  EXPECT_EQ(identity->instance_id, "");
}

TEST(ImdsDocuments, IdentityRefusesWhatIsNotAnObjectWithARegion) {
  for (const char* text : {"", "[]", "null", "\"x\"", "{}", R"({"region":null})",
                           R"({"region":""})", R"({"region":"a b"})", "{\"region\":\"\xC3\"}"}) {
    const auto identity = parseInstanceIdentity(text);
    ASSERT_FALSE(identity) << text;
    EXPECT_EQ(identity.error().kind(), ErrorKind::kProtocol);
  }
}

// CRED-9
TEST(ImdsDocuments, RoleCredentialsAreReadWithTheirEnd) {
  const auto read = parseRoleCredentials(
      R"({"Code":"Success","AccessKeyId":"ASIA","SecretAccessKey":"s/e+c","Token":"t=",
          "Expiration":"2026-03-01T12:00:00Z"})");
  ASSERT_TRUE(read) << read.error().describe();
  EXPECT_EQ(read->access_key_id, "ASIA");
  EXPECT_EQ(read->secret_access_key.reveal(), "s/e+c");
  EXPECT_EQ(read->session_token->reveal(), "t=");
  EXPECT_EQ(std::chrono::system_clock::to_time_t(*read->expiration), 1772366400);
}

TEST(ImdsDocuments, RoleCredentialsDoWithoutAnEndThatIsNoTime) {
  for (const std::string end : {"", "soon", "2026-03-01T12:00:00"}) {
    const auto read = parseRoleCredentials(
        R"({"AccessKeyId":"A","SecretAccessKey":"S","Token":"T","Expiration":")" + end + "\"}");
    ASSERT_TRUE(read) << end;
    EXPECT_FALSE(read->expiration) << end;
  }
}

// CRED-9
TEST(ImdsDocuments, RoleCredentialsNeedAllThreeKeys) {
  const char* whole = R"({"AccessKeyId":"A","SecretAccessKey":"S","Token":"T"})";
  ASSERT_TRUE(parseRoleCredentials(whole));
  for (const std::string key : {"AccessKeyId", "SecretAccessKey", "Token"}) {
    std::string text = whole;
    text.replace(text.find(key), key.size(), "Other");
    const auto read = parseRoleCredentials(text);
    ASSERT_FALSE(read);
    EXPECT_NE(read.error().message().find(key), std::string::npos) << read.error().message();
  }
}

TEST(ImdsDocuments, RoleCredentialsTellTheServicesCode) {
  const auto read = parseRoleCredentials(R"({"Code":"AssumeRoleUnauthorizedAccess"})");
  ASSERT_FALSE(read);
  EXPECT_NE(read.error().message().find("AssumeRoleUnauthorizedAccess"), std::string::npos);
}

TEST(ImdsDocuments, RoleCredentialsWithControlCharactersAreRefusedAndNotShown) {
  const auto read =
      parseRoleCredentials(R"({"AccessKeyId":"A","SecretAccessKey":"hush\n","Token":"T"})");
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().describe().find("hush"), std::string::npos);
}

}  // namespace
}  // namespace efs::aws
