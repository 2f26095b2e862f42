#include "efs/aws/credential_documents.h"

#include <gtest/gtest.h>

#include "efs/aws/imds_documents.h"
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
                           "2026-01-03T02:04:05+23:00",     "20260102030405Z",
                           "Fri Jan  2 03:04:05 UTC 2026",  "Fri Jan 02 03:04:05 gmt 2026"}) {
    EXPECT_EQ(seconds(text), 1767323045) << text;
  }
  EXPECT_EQ(seconds("2026-01-02T03:04Z"), 1767323040);
  // In the past, as in POSIX.
  EXPECT_EQ(seconds("Friday, 01-Jan-99 00:00:00 GMT"), 915148800);
}

TEST(AwsTime, ClampsWhatIsFarAway) {
  for (const char* text : {"9999-12-31T23:59:59Z", "2201-01-01T00:00:00Z"}) {
    EXPECT_EQ(seconds(text), 7258118400) << text;
  }
  EXPECT_EQ(seconds("1013-01-02T03:04:05Z"), 0);
}

// Without a zone botocore fails as well: it cannot compare such a time with now.
TEST(AwsTime, RefusesEverythingElse) {
  for (const char* text : {"",
                           "soon",
                           "2026-01-02",
                           "2026-01-02T03:04:05",
                           "2026-01-02T03:04:05ZZ",
                           "2026-01-02T03:04:05.Z",
                           "2026-01-02T03:04:05+24:00",
                           "2026-01-02T03:04:05+0:00",
                           "2026-13-02T03:04:05Z",
                           "2026-02-30T03:04:05Z",
                           "2026-01-02T24:00:00Z",
                           "2026-01-02T03:04:60Z",
                           "0000-01-02T03:04:05Z",
                           "Fri Jan 02 03:04:05 2026",
                           "2026010203040Z",
                           "202601020304056Z",
                           "Fri Jan 02 03:04:05 EST 2026",
                           "Fri Jan 02 03:04:05 UTC 2026 x",
                           "Jan 02 03:04:05 UTC 2026",
                           "Fri, 02 Jan 2026 03:04:05",
                           "2026-01-02T03:04:05 EST",
                           "2026-01/02T03:04:05Z"}) {
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

TEST(ProcessDocument, TakesNoTokenThatIsNoTextAndNothingBehindANul) {
  const std::string good = R"({"Version":1,"AccessKeyId":"A","SecretAccessKey":"S")";
  EXPECT_TRUE(parseProcessCredentials(good + R"(,"SessionToken":null})"));
  for (const char* token : {"5", "false", "[\"x\"]", "{}"}) {
    EXPECT_FALSE(parseProcessCredentials(good + ",\"SessionToken\":" + token + "}")) << token;
  }
  EXPECT_TRUE(parseProcessCredentials(good + "}\n"));
  EXPECT_FALSE(parseProcessCredentials(good + "}" + std::string(1, '\0')));
}

TEST(RoleCredentials, ACodeIsNoFailureBesideAllValues) {
  EXPECT_TRUE(parseRoleCredentials(
      R"({"Code":"success","AccessKeyId":"A","SecretAccessKey":"s","Token":"t"})"));
  const auto failed = parseRoleCredentials(R"({"Code":"Failed","AccessKeyId":"A"})");
  ASSERT_FALSE(failed);
  EXPECT_NE(failed.error().message().find("code Failed"), std::string::npos);
}

TEST(SsoDocuments, NumbersMayBeTexts) {
  const auto role = parseSsoRoleCredentials(
      R"({"roleCredentials":{"accessKeyId":"A","secretAccessKey":"s","sessionToken":"t",)"
      R"("expiration":"4102542245000"}})");
  ASSERT_TRUE(role);
  EXPECT_EQ(std::chrono::system_clock::to_time_t(*role->expiration), 4102542245);
  const WallTime now(std::chrono::seconds(1780000000));
  for (const auto& [lasts, ends] : {std::pair<const char*, std::int64_t>{"3600", 1780003600},
                                    {"\"3600\"", 1780003600},
                                    {"3600.7", 1780003600},
                                    {"1000000000", 2780000000},
                                    {"1e300", 7258118400}}) {
    const auto token =
        parseNewSsoToken(std::string(R"({"accessToken":"a","expiresIn":)") + lasts + "}", now);
    ASSERT_TRUE(token) << lasts;
    EXPECT_EQ(std::chrono::system_clock::to_time_t(token->expires), ends) << lasts;
  }
  for (const char* lasts : {"0", "-5", "\"soon\"", "null", "true"}) {
    EXPECT_FALSE(
        parseNewSsoToken(std::string(R"({"accessToken":"a","expiresIn":)") + lasts + "}", now))
        << lasts;
  }
}

TEST(PlainXml, IsNothingButTagsAndText) {
  for (const auto& [text, plain] :
       {std::pair<const char*, const char*>{"<A>x</A>", "<A>x</A>"},
        {"\xEF\xBB\xBF<?xml version=\"1.0\"?>\n<A>x</A >", "\n<A>x</A>"},
        {"<n:A xmlns:n='u' b=\"1>2\"><n:B/></n:A>", "<A><B></B></A>"},
        {"<A><!-- <B> --><![CDATA[a<&>]]]></A>", "<A>a&lt;&amp;>]</A>"},
        {"<A>a<!--<-->b</A>", "<A>ab</A>"}}) {
    const auto reduced = plainXml(text);
    ASSERT_TRUE(reduced) << text;
    EXPECT_EQ(reduced->reveal(), plain);
  }
  std::string deep;
  for (int i = 0; i < 40; ++i) deep += "<A>";
  for (int i = 0; i < 40; ++i) deep += "</A>";
  for (const std::string& text :
       {std::string(), std::string("x"), std::string("<A>"), std::string("<A></B>"),
        std::string("</A>"), std::string("<A></A></A>"), std::string("<A b='></A>"),
        std::string("<!DOCTYPE A><A></A>"), std::string("<A><!-- </A>"), std::string("<></>"),
        std::string("<A><![CDATA[</A>"), std::string("<?xml"), deep}) {
    EXPECT_FALSE(plainXml(text)) << text;
  }
}

TEST(StsDocument, ReadsAnyXmlThatSaysTheSame) {
  const std::string begin =
      "<R xmlns='u'><Credentials><AccessKeyId>A</AccessKeyId><SecretAccessKey>"
      "s</SecretAccessKey><SessionToken>";
  const std::string end = "</Expiration></Credentials></R>";
  for (const char* token :
       {"a+b/c=", "a&#43;b&#x2F;c&#61;", "<![CDATA[a+b/c=]]>", "a+<!-- -->b/c="}) {
    const auto read = parseStsCredentials(begin + token +
                                          "</SessionToken><Expiration>2100-01-02T03:04:05Z" + end);
    ASSERT_TRUE(read) << token;
    EXPECT_EQ(read->session_token->reveal(), "a+b/c=");
  }
  for (const char* ends : {"4102542245", "4102542245.5", " 4102542245 "}) {
    const auto read = parseStsCredentials(begin + "t</SessionToken><Expiration>" + ends + end);
    ASSERT_TRUE(read) << ends;
    EXPECT_EQ(std::chrono::system_clock::to_time_t(*read->expiration), 4102542245);
  }
  for (const char* token : {"a&e;b", "a&#228;b", "a&#0;b", "", "a b"}) {
    EXPECT_FALSE(parseStsCredentials(begin + token + "</SessionToken><Expiration>4102542245" + end))
        << token;
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
                           "<A>&#;</A>", "<A>&#xG;</A>", "<A>&#300;</A>", "<A/>", "<Ab>x</Ab>"}) {
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
