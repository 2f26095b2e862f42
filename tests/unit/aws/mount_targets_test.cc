// Against a real HTTP server on the loopback; contract DNS-6.
#include "efs/aws/mount_targets.h"

#include <gtest/gtest.h>

#include "efs/aws/cloudwatch_logs.h"
#include "efs/aws/imds.h"
#include "efs/aws/token_memory.h"
#include "efs/test_support/fake_clock.h"
#include "loopback_http_server.h"

namespace efs::aws {
namespace {

using test::httpReply;
using test::LoopbackHttpServer;

constexpr const char* kTarget =
    R"({"MountTargetId":"fsmt-1","AvailabilityZoneName":"us-east-1a","AvailabilityZoneId":"use1-az1",
        "LifeCycleState":"available","IpAddress":"10.0.0.1","Extra":{"x":1}})";

std::string page(const std::string& targets, const std::string& marker = "") {
  return "{\"MountTargets\":[" + targets + "]" +
         (marker.empty() ? "" : ",\"NextMarker\":\"" + marker + "\"") + "}";
}

class Api : public ::testing::Test {
 protected:
  void SetUp() override {
    ::unsetenv("http_proxy");
    ::unsetenv("all_proxy");
    credentials_.access_key_id = "AKIDEXAMPLE";
    credentials_.secret_access_key = Secret(std::string_view("secret"));
  }

  ApiAccess access(const LoopbackHttpServer& server) const {
    return {
        .http = *http_,
        .clock = clock_,
        .credentials = credentials_,
        .region = "us-east-1",
        .environment = [url = server.url()](const std::string& name) -> std::optional<std::string> {
          return name == "AWS_ENDPOINT_URL" ? std::optional(url) : std::nullopt;
        },
        .request_timeout = Duration(10000)};
  }

  std::unique_ptr<http::HttpClient> http_ = http::makeHttpClient();
  test_support::FakeClock clock_;
  Credentials credentials_;
};

TEST_F(Api, ReadsAllPages) {
  LoopbackHttpServer server([](const std::string& request) {
    const bool second = request.find("&Marker=a%2Fb%3D ") != std::string::npos;
    return httpReply(200, second ? page(kTarget) : page(kTarget, "a/b="));
  });
  const auto targets = describeMountTargets(access(server), "fs-0123abcd");
  ASSERT_TRUE(targets) << targets.error().describe();
  ASSERT_EQ(targets->size(), 2U);
  EXPECT_EQ(targets->front().address, "10.0.0.1");
  EXPECT_EQ(targets->front().zone_id, "use1-az1");
  const auto requests = server.requests();
  EXPECT_TRUE(requests[0].starts_with(
      "GET /2015-02-01/mount-targets?FileSystemId=fs-0123abcd HTTP/1.1\r\n"));
  EXPECT_NE(requests[0].find("/us-east-1/elasticfilesystem/aws4_request"), std::string::npos);
}

// The service tells its time with the refusal of ours: once more with it, and not a third time.
TEST_F(Api, ARefusedTimeIsCorrectedOnce) {
  const std::string body =
      R"({"__type":"InvalidSignatureException","message":"Signature expired"})";
  const std::string date =
      utcText(clock_.now() + std::chrono::hours(2), "%a, %d %b %Y %H:%M:%S GMT");
  const std::string refusal = "HTTP/1.1 403 X\r\nDate: " + date +
                              "\r\nContent-Length: " + std::to_string(body.size()) +
                              "\r\nConnection: close\r\n\r\n" + body;
  const std::string wanted = utcText(clock_.now() + std::chrono::hours(2), "%Y%m%dT%H%M%SZ");
  LoopbackHttpServer server([&](const std::string& request) {
    return request.find(wanted) != std::string::npos ? httpReply(200, page(kTarget)) : refusal;
  });
  EXPECT_TRUE(describeMountTargets(access(server), "fs-0123abcd"));
  EXPECT_EQ(server.requests().size(), 2U);
  LoopbackHttpServer stubborn([&](const std::string&) { return refusal; });
  EXPECT_FALSE(describeMountTargets(access(stubborn), "fs-0123abcd"));
  EXPECT_LE(stubborn.requests().size(), 2U);
}

TEST_F(Api, TakesEachStatusOfSuccess) {
  int status = 0;
  LoopbackHttpServer server([&](const std::string&) { return httpReply(status, page(kTarget)); });
  for (status = 200; status < 300; status += 33) {
    EXPECT_TRUE(describeMountTargets(access(server), "fs-0123abcd")) << status;
  }
  status = 300;
  EXPECT_FALSE(describeMountTargets(access(server), "fs-0123abcd"));
}

TEST_F(Api, EndlessPagesEnd) {
  int number = 0;
  LoopbackHttpServer server(
      [&](const std::string&) { return httpReply(200, page(kTarget, std::to_string(number++))); });
  const auto targets = describeMountTargets(access(server), "fs-0123abcd");
  ASSERT_FALSE(targets);
  EXPECT_EQ(server.requests().size(), 10U);
}

TEST_F(Api, ADenialNamesTheServicesReason) {
  LoopbackHttpServer server([](const std::string&) {
    return httpReply(403, R"({"ErrorCode":"AccessDeniedException","Message":"User: x is not
authorized"})");
  });
  const auto denied = describeMountTargets(access(server), "fs-0123abcd");
  ASSERT_FALSE(denied);
  EXPECT_EQ(denied.error().kind(), ErrorKind::kPermission);
  EXPECT_NE(denied.error().message().find("DescribeMountTargets"), std::string::npos);
}

TEST_F(Api, AnUnknownFileSystemIsNotFoundAndAskedOnce) {
  LoopbackHttpServer server([](const std::string&) {
    return httpReply(404, R"({"ErrorCode":"FileSystemNotFound","Message":"does not exist"})");
  });
  const auto gone = describeMountTargets(access(server), "fs-0123abcd");
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().kind(), ErrorKind::kNotFound);
  EXPECT_NE(gone.error().message().find("FileSystemNotFound: does not exist"), std::string::npos);
  EXPECT_EQ(server.requests().size(), 1U);
}

TEST_F(Api, AThrottledCallIsMadeOnceMore) {
  for (const int status : {429, 500, 503}) {
    int calls = 0;
    LoopbackHttpServer server([&](const std::string&) {
      return ++calls == 1 ? httpReply(status, "busy") : httpReply(200, page(kTarget));
    });
    EXPECT_TRUE(describeMountTargets(access(server), "fs-0123abcd")) << status;
    LoopbackHttpServer always([&](const std::string&) { return httpReply(status, "busy"); });
    const auto failed = describeMountTargets(access(always), "fs-0123abcd");
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().kind(), ErrorKind::kUnreachable);
    EXPECT_EQ(always.requests().size(), 2U);
  }
}

TEST_F(Api, ARedirectIsNotFollowed) {
  LoopbackHttpServer elsewhere([](const std::string&) { return httpReply(200, page(kTarget)); });
  LoopbackHttpServer server([&](const std::string&) {
    return "HTTP/1.1 302 Found\r\nLocation: " + elsewhere.url() + "/\r\nContent-Length: 0\r\n\r\n";
  });
  EXPECT_FALSE(describeMountTargets(access(server), "fs-0123abcd"));
  EXPECT_TRUE(elsewhere.requests().empty());
}

TEST(ParseMountTargets, RefusesWhatCannotBeUsed) {
  for (const char* text :
       {"", "[]", "{}", "{\"MountTargets\":{}}", "{\"MountTargets\":[1]}",
        R"({"MountTargets":[{"IpAddress":"10.0.0.1 -o evil"}]})",
        R"({"MountTargets":[{"IpAddress":5}]})", R"({"MountTargets":[{"Ipv6Address":"10.0.0.1"}]})",
        R"({"MountTargets":[{"AvailabilityZoneName":"a\nb"}]})",
        R"({"MountTargets":[],"NextMarker":5})",
        "{\"MountTargets\":[{\"MountTargetId\":\"\xff\"}]}"}) {
    const auto parsed = parseMountTargets(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().kind(), ErrorKind::kProtocol);
  }
}

constexpr const char* kZones = R"(<?xml version="1.0" encoding="UTF-8"?>
<DescribeAvailabilityZonesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">
 <requestId>1</requestId><availabilityZoneInfo>
  <item><zoneName>us-east-1a</zoneName><zoneState>available</zoneState><messageSet/>
   <messageSet><item><message>x</message></item></messageSet><zoneId>use1-az4</zoneId></item>
  <item><zoneName>us-east-1b</zoneName><zoneId>use1-az6</zoneId></item>
  <item><zoneName>us-east-1c</zoneName></item>
 </availabilityZoneInfo></DescribeAvailabilityZonesResponse>)";

TEST(ParseZoneId, FindsTheIdOfTheNamedZone) {
  EXPECT_EQ(*parseZoneId(kZones, "us-east-1a"), "use1-az4");
  EXPECT_EQ(*parseZoneId(kZones, "us-east-1b"), "use1-az6");
  EXPECT_EQ(parseZoneId(kZones, "us-east-1c").error().kind(), ErrorKind::kProtocol);
  EXPECT_EQ(parseZoneId(kZones, "us-east-1d").error().kind(), ErrorKind::kNotFound);
  EXPECT_EQ(parseZoneId("<html>", "us-east-1a").error().kind(), ErrorKind::kProtocol);
}

TEST_F(Api, AsksEc2ForAZonesId) {
  LoopbackHttpServer server([](const std::string&) { return httpReply(200, kZones); });
  EXPECT_EQ(*zoneIdOf(access(server), "us-east-1b"), "use1-az6");
  const auto request = server.requests().at(0);
  EXPECT_TRUE(request.starts_with("POST / HTTP/1.1\r\n"));
  EXPECT_TRUE(request.ends_with(
      "Action=DescribeAvailabilityZones&Version=2016-11-15&ZoneName.1=us-east-1b"));
}

TEST_F(Api, AnEc2DenialNamesItsCode) {
  LoopbackHttpServer server([](const std::string&) {
    return httpReply(403,
                     "<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>You are "
                     "&lt;not&gt; authorized</Message></Error></Errors></Response>");
  });
  const auto denied = zoneIdOf(access(server), "us-east-1b");
  ASSERT_FALSE(denied);
  EXPECT_EQ(denied.error().kind(), ErrorKind::kPermission);
  EXPECT_NE(denied.error().message().find("UnauthorizedOperation: You are <not> authorized"),
            std::string::npos);
}

// Section 20
TEST(CloudWatchNames, AreThoseOfTheContract) {
  EXPECT_EQ(logStreamName("fs-1", "i-2"), "fs-1 - i-2 - mount.log");
  EXPECT_EQ(logStreamName("fs-1", ""), "fs-1 - mount.log");
  EXPECT_EQ(logStreamName("", "i-2"), "i-2 - mount.log");
  EXPECT_EQ(logStreamName("", ""), "default - mount.log");
  EXPECT_EQ(logGroupName("/aws/efs/utils/{fs_id}", "fs-1"), "/aws/efs/utils/fs-1");
  EXPECT_EQ(logGroupName("/aws/efs/utils/{fs_id}", ""), "/aws/efs/utils");
}

// The action of each request, in order.
std::vector<std::string> actions(const LoopbackHttpServer& server) {
  std::vector<std::string> out;
  for (const auto& request : server.requests()) {
    const std::string prefix = "X-Amz-Target: Logs_20140328.";
    const auto at = request.find(prefix);
    if (at == std::string::npos) continue;
    const auto begin = at + prefix.size();
    out.push_back(request.substr(begin, request.find('\r', begin) - begin));
  }
  return out;
}

// Section 20
TEST_F(Api, MakesGroupAndStreamOnlyWhereTheyAreMissing) {
  bool exists = false;
  LoopbackHttpServer server([&](const std::string& request) {
    if (request.find("CreateLogStream") != std::string::npos) exists = true;
    if (request.find("CreateLogGroup") != std::string::npos) {
      return httpReply(400, R"({"__type":"ResourceAlreadyExistsException","message":"x"})");
    }
    const bool put = request.find("PutLogEvents") != std::string::npos;
    if (put && !exists) {
      return httpReply(400, R"({"__type":"a.b#ResourceNotFoundException","message":"no group"})");
    }
    return httpReply(200, "{}");
  });
  const LogDestination to{"/aws/efs/utils", "default - mount.log", 14};
  ASSERT_TRUE(putLogLine(access(server), to, "hello \xff"));
  EXPECT_EQ(actions(server),
            (std::vector<std::string>{"PutLogEvents", "CreateLogGroup", "CreateLogStream",
                                      "PutLogEvents", "PutRetentionPolicy"}));
  ASSERT_TRUE(putLogLine(access(server), {"/aws/efs/utils", "s", std::nullopt}, "hello"));
  EXPECT_EQ(actions(server).back(), "DeleteRetentionPolicy");
  EXPECT_EQ(actions(server).size(), 7U);
}

TEST_F(Api, ARefusedLogLineIsAnError) {
  LoopbackHttpServer server([](const std::string&) {
    return httpReply(400, R"({"__type":"AccessDeniedException","message":"no"})");
  });
  const auto put = putLogLine(access(server), {"g", "s", 1}, "x");
  ASSERT_FALSE(put);
  EXPECT_NE(put.error().message().find("AccessDeniedException: no"), std::string::npos);
  EXPECT_EQ(server.requests().size(), 1U);
}

TEST_F(Api, TheMetadataTokenIsFetchedOncePerRun) {
  LoopbackHttpServer server([](const std::string& request) {
    if (request.starts_with("PUT")) return httpReply(200, "TOKEN");
    return httpReply(200, R"({"region":"eu-west-1"})");
  });
  const TokenMemory memory(*http_);
  const ImdsPatience patience{.token_timeout = Duration(10000), .request_timeout = Duration(10000)};
  ImdsClient first(memory, server.url(), false, patience);
  ImdsClient second(memory, server.url(), false, patience);
  ASSERT_TRUE(first.identity());
  ASSERT_TRUE(second.identity());
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 3U);
  EXPECT_NE(requests[2].find("X-aws-ec2-metadata-token: TOKEN"), std::string::npos);
}

TEST_F(Api, ARefusedTokenIsAskedForAgain) {
  int tokens = 0;
  LoopbackHttpServer server([&](const std::string& request) {
    if (request.starts_with("PUT")) return ++tokens == 1 ? httpReply(403, "") : httpReply(200, "T");
    return httpReply(200, R"({"region":"eu-west-1"})");
  });
  const TokenMemory memory(*http_);
  ImdsClient first(memory, server.url(), false);
  ImdsClient second(memory, server.url(), false);
  ASSERT_TRUE(first.identity());
  ASSERT_TRUE(second.identity());
  EXPECT_EQ(tokens, 2);
}

}  // namespace
}  // namespace efs::aws
