#include "efs/aws/principal.h"

#include <gtest/gtest.h>

#include "efs/aws/credentials.h"

namespace efs::aws {
namespace {

const Principal kRole{"123456789012", "role/web", ""};

TEST(PrincipalOfArn, IsTheSameForARoleAndItsSessions) {
  for (const char* arn :
       {"arn:aws:iam::123456789012:role/web", "arn:aws:iam::123456789012:role/a/b/web",
        "arn:aws:sts::123456789012:assumed-role/web/efs-mount-helper",
        "arn:aws-cn:sts::123456789012:assumed-role/web/i-0123456789abcdef0"}) {
    const auto principal = principalOfArn(arn);
    ASSERT_TRUE(principal) << arn;
    EXPECT_EQ(principal->account, "123456789012");
    EXPECT_EQ(principal->name, "role/web");
  }
  EXPECT_EQ(principalOfArn("arn:aws:iam::1:user/x/backup")->name, "user/backup");
  EXPECT_EQ(principalOfArn("arn:aws:iam::1:root")->name, "root");
}

TEST(PrincipalOfArn, IsNoneForOtherTexts) {
  for (const char* arn : {"", "arn", "arn:aws:iam::1:role", "arn:aws:iam::1:role/",
                          "arn:aws:iam:::role/x", "arn:aws:s3::1:role/x", "x:aws:iam::1:role/x",
                          "arn:aws:iam::1:group/x", "arn:aws:sts::1:assumed-role/x"}) {
    EXPECT_FALSE(principalOfArn(arn)) << arn;
  }
}

TEST(SamePrincipal, IsSameWhereEverythingKnownAgrees) {
  EXPECT_TRUE(checkSamePrincipal(kRole, kRole));
  EXPECT_TRUE(checkSamePrincipal(kRole, {"", "role/web", ""}));  // iam/info did not answer
  EXPECT_TRUE(checkSamePrincipal({"", "role/web", ""}, kRole));
  EXPECT_TRUE(checkSamePrincipal({"", "", "AKIA1"}, {"", "", "AKIA1"}));
  EXPECT_TRUE(checkSamePrincipal({"1", "user/a", "AKIA1"}, {"1", "user/a", "AKIA2"}));
  EXPECT_TRUE(checkSamePrincipal({"1", "", ""}, {"1", "", ""}));
}

TEST(SamePrincipal, IsNotGuessed) {
  EXPECT_FALSE(checkSamePrincipal(kRole, {"123456789012", "role/other", ""}));
  EXPECT_FALSE(checkSamePrincipal(kRole, {"210987654321", "role/web", ""}));
  EXPECT_FALSE(checkSamePrincipal(kRole, {"", "", "AKIA1"}));
  EXPECT_FALSE(checkSamePrincipal(kRole, {}));
  EXPECT_FALSE(checkSamePrincipal({"", "", "AKIA1"}, {"", "", "AKIA2"}));
  EXPECT_FALSE(checkSamePrincipal({"", "", "AKIA1"}, {}));
  EXPECT_FALSE(checkSamePrincipal({"1", "", "AKIA1"}, {"1", "", "AKIA2"}));
  EXPECT_FALSE(checkSamePrincipal({"1", "", ""}, {"2", "", ""}));
}

TEST(SamePrincipal, IsNotAskedForWhereNothingWasKnown) {
  EXPECT_TRUE(checkSamePrincipal({}, kRole));
  EXPECT_TRUE(checkSamePrincipal({}, {}));
}

TEST(SamePrincipal, NamesBothAndWhatToDo) {
  const auto refused = checkSamePrincipal(kRole, {"", "role/other", ""});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind(), ErrorKind::kPermission);
  const std::string text = refused.error().describe();
  for (const char* words :
       {"role/web of account 123456789012", "role/other", "allow_identity_change = true"}) {
    EXPECT_NE(text.find(words), std::string::npos) << text;
  }
}

TEST(Merged, KeepsWhatOnlyTheFormerKnew) {
  EXPECT_EQ(merged(kRole, {"", "role/web", ""}).account, "123456789012");
  EXPECT_EQ(merged(kRole, {"", "role/other", ""}).account, "");
}

TEST(PrincipalOfCredentials, TakesAnAccessKeyOnlyWhereItIsLongLived) {
  Credentials credentials;
  credentials.access_key_id = "AKIA1";
  EXPECT_EQ(principalOf(credentials).access_key_id, "AKIA1");
  credentials.session_token = Secret(std::string("t"));
  EXPECT_FALSE(principalOf(credentials).known());
  credentials.arn = "arn:aws:sts::123456789012:assumed-role/web/x";
  EXPECT_EQ(principalOf(credentials).describe(), "role/web of account 123456789012");
}

}  // namespace
}  // namespace efs::aws
