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

TEST(AwsTime, ReadsWhatAwsAndItsToolsWrite) {
  for (const char* text : {"2026-01-02T03:04:05Z",          "2026-01-02T03:04:05.123Z",
                           "2026-01-02T03:04:05UTC",        "2026-01-02T03:04:05+00:00",
                           "2026-01-02T04:34:05+01:30",     "2026-01-01T22:04:05.999999-05:00",
                           "2026-01-02T03:04:05+0000",      "2026-01-01T22:04:05-05",
                           "2026-01-02 03:04:05Z",          "2026-01-02 03:04:05 +00:00",
                           "2026-01-02  03:04:05 UTC",      "2026-01-02t03:04:05z",
                           "2026-01-02T03:04:05,5Z",        "20260102T030405Z",
                           " 2026-01-02T03:04:05Z\n",       "2026/01/02 03:04:05 GMT",
                           "Fri, 02 Jan 2026 03:04:05 GMT", "02 Jan 2026 03:04:05 +0000",
                           "fri, 2 jan 2026 03:04:05 gmt",  "Friday, 02-Jan-26 03:04:05 GMT",
                           "2026-01-03T02:04:05+23:00"}) {
    EXPECT_EQ(seconds(text), 1767323045) << text;
  }
  EXPECT_EQ(seconds("2026-01-02T03:04Z"), 1767323040);
}

TEST(AwsTime, ClampsWhatIsFarAway) {
  for (const char* text : {"9999-12-31T23:59:59Z", "2201-01-01T00:00:00Z"}) {
    EXPECT_EQ(seconds(text), 7258118400) << text;
  }
  EXPECT_EQ(seconds("1013-01-02T03:04:05Z"), 0);
}

// Without a zone botocore fails as well: it cannot compare such a time with now.
TEST(AwsTime, RefusesEverythingElse) {
  for (const char* text :
       {"", "soon", "2026-01-02", "2026-01-02T03:04:05", "2026-01-02T03:04:05ZZ",
        "2026-01-02T03:04:05.Z", "2026-01-02T03:04:05+24:00", "2026-01-02T03:04:05+0:00",
        "2026-13-02T03:04:05Z", "2026-02-30T03:04:05Z", "2026-01-02T24:00:00Z",
        "2026-01-02T03:04:60Z", "0000-01-02T03:04:05Z", "Fri Jan 02 03:04:05 2026",
        "Fri, 02 Jan 2026 03:04:05", "2026-01-02T03:04:05 EST", "2026-01/02T03:04:05Z"}) {
    EXPECT_FALSE(seconds(text)) << text;
  }
}

TEST(ProcessDocument, KnowsPythonsOnes) {
  for (const auto& [version, good] : {std::pair{"1", true},
                                      {"1.0", true},
                                      {"true", true},
                                      {"2", false},
                                      {"\"1\"", false},
                                      {"null", false},
                                      {"false", false},
                                      {"1.5", false}}) {
    const std::string text = std::string("{\"Version\":") + version +
                             ",\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"S\"}";
    EXPECT_EQ(parseProcessCredentials(text).has_value(), good) << version;
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
