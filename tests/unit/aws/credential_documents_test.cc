#include "efs/aws/credential_documents.h"

#include <gtest/gtest.h>

#include "xml_element.h"

namespace efs::aws {
namespace {

std::optional<std::time_t> seconds(std::string_view text) {
  const auto time = parseAwsTime(text);
  if (!time) return std::nullopt;
  return std::chrono::system_clock::to_time_t(*time);
}

TEST(AwsTime, ReadsWhatAwsWrites) {
  for (const char* text : {"2026-01-02T03:04:05Z", "2026-01-02T03:04:05.123Z",
                           "2026-01-02T03:04:05UTC", "2026-01-02T03:04:05+00:00",
                           "2026-01-02T04:34:05+01:30", "2026-01-01T22:04:05.999999-05:00"}) {
    EXPECT_EQ(seconds(text), 1767323045) << text;
  }
}

TEST(AwsTime, RefusesEverythingElse) {
  for (const char* text :
       {"", "soon", "2026-01-02", "2026-01-02T03:04:05", "2026-01-02T03:04:05ZZ",
        "2026-01-02T03:04:05.Z", "2026-01-02T03:04:05+0000", "2026-01-02T03:04:05+15:00",
        "2026-13-02T03:04:05Z", "1013-01-02T03:04:05Z", "9999-01-02T03:04:05Z"}) {
    EXPECT_FALSE(seconds(text)) << text;
  }
}

TEST(XmlElement, FindsTheExactNameAndItsText) {
  EXPECT_EQ(xmlText("<Codes>x</Codes><Code> a&lt;b&amp;&quot;&apos;&gt; </Code>", "Code"),
            "a<b&\"'>");
  EXPECT_EQ(xmlText("<A x=\"1\">y</A>", "A"), "y");
  EXPECT_EQ(xmlText("<A></A>", "A"), "");
}

TEST(XmlElement, RefusesWhatItDoesNotKnow) {
  for (const char* text : {"", "<A", "<A>", "<A>x", "<A>x<B/></A>", "<A>&nbsp;</A>", "<A>&lt</A>",
                           "<A>&#65;</A>", "<A/>", "<Ab>x</Ab>"}) {
    EXPECT_FALSE(xmlText(text, "A")) << text;
  }
}

TEST(ServiceError, GivesCodeAndMessageOfEachForm) {
  EXPECT_EQ(serviceErrorText(R"({"Error":{"Code":"Denied","Message":"no\nline"}})"),
            "Denied: no?line");
  EXPECT_EQ(serviceErrorText("<ErrorResponse><Error><Type>Sender</Type><Code>Expired</Code>"
                             "<Message>a &amp; b</Message></Error></ErrorResponse>"),
            "Expired: a & b");
  EXPECT_EQ(serviceErrorText(R"({"message":"Session token not found or invalid","__type":)"
                             R"("com.amazonaws.switchboard.portal#UnauthorizedException"})"),
            "com.amazonaws.switchboard.portal#UnauthorizedException: Session token not found or "
            "invalid");
  EXPECT_EQ(serviceErrorText(R"({"code":"X","message":"m"})"), "X: m");
  for (const char* text : {"", "<html>", "{}", "[]", "<Error>"}) {
    EXPECT_EQ(serviceErrorText(text), "") << text;
  }
  EXPECT_LT(serviceErrorText("{\"Error\":{\"Code\":\"C\",\"Message\":\"" + std::string(5000, 'm') +
                             "\"}}")
                .size(),
            400U);
}

TEST(StsDocument, NeedsEveryValue) {
  const std::string begin = R"({"AssumeRoleResponse":{"AssumeRoleResult":{"Credentials":{)";
  EXPECT_TRUE(parseStsCredentials(
      begin + R"("AccessKeyId":"A","SecretAccessKey":"S","SessionToken":"T"}}}})"));
  for (const char* values :
       {R"("SecretAccessKey":"S","SessionToken":"T")", R"("AccessKeyId":"A","SessionToken":"T")",
        R"("AccessKeyId":"A","SecretAccessKey":"S")",
        R"("AccessKeyId":"A","SecretAccessKey":"S","SessionToken":"T","Expiration":-1)",
        R"("AccessKeyId":"A","SecretAccessKey":"S","SessionToken":"T","Expiration":1e300)",
        R"("AccessKeyId":"A","SecretAccessKey":"S","SessionToken":"T","Expiration":true)"}) {
    EXPECT_FALSE(parseStsCredentials(begin + values + "}}}}")) << values;
  }
  EXPECT_FALSE(parseStsCredentials(R"({"AssumeRoleResponse":7})"));
  EXPECT_FALSE(parseStsCredentials("<Credentials><AccessKeyId>A</AccessKeyId></Credentials>"));
}

TEST(CallerIdentity, IsTheArnOfEitherForm) {
  constexpr const char* kArn = "arn:aws:iam::123456789012:user/backup";
  const std::string json = R"({"GetCallerIdentityResponse":{"GetCallerIdentityResult":{"Arn":")" +
                           std::string(kArn) + R"(","Account":"123456789012"}}})";
  EXPECT_EQ(*parseCallerIdentity(json), kArn);
  const std::string xml = "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>" +
                          std::string(kArn) +
                          "</Arn></GetCallerIdentityResult></GetCallerIdentityResponse>";
  EXPECT_EQ(*parseCallerIdentity(xml), kArn);
  for (const char* text : {"", "{}", "[]", "<x/>", R"({"GetCallerIdentityResponse":1})",
                           R"({"GetCallerIdentityResponse":{"GetCallerIdentityResult":{"Arn":1}}})",
                           "<GetCallerIdentityResult><Arn>x</Arn></GetCallerIdentityResult>"}) {
    EXPECT_FALSE(parseCallerIdentity(text)) << text;
  }
}

}  // namespace
}  // namespace efs::aws
