// Against a real HTTP server on the loopback; contract section 8, "IMDS use".
#include "efs/aws/imds.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "efs/base/files.h"
#include "efs/base/log.h"
#include "loopback_http_server.h"

namespace efs::aws {
namespace {

using test::httpReply;
using test::LoopbackHttpServer;

constexpr const char* kIdentity =
    R"({"region":"eu-west-1","availabilityZone":"eu-west-1a","instanceId":"i-0123"})";

bool isTokenRequest(const std::string& request) {
  return request.starts_with("PUT /latest/api/token HTTP/1.1\r\n");
}

// Version 2 by the book: no document without the token.
std::string strictService(const std::string& request) {
  if (isTokenRequest(request)) {
    const bool lifetime =
        request.find("X-aws-ec2-metadata-token-ttl-seconds: 21600\r\n") != std::string::npos;
    return lifetime ? httpReply(200, "TOKEN==\n") : httpReply(400, "");
  }
  if (request.find("X-aws-ec2-metadata-token: TOKEN==\r\n") == std::string::npos) {
    return httpReply(401, "");
  }
  if (request.starts_with("GET /latest/dynamic/instance-identity/document/ ")) {
    return httpReply(200, kIdentity);
  }
  if (request.starts_with("GET /latest/meta-data/placement/availability-zone-id ")) {
    return httpReply(200, "euw1-az2\n");
  }
  return httpReply(404, "");
}

class Imds : public ::testing::Test {
 protected:
  void SetUp() override {
    ::unsetenv("http_proxy");
    ::unsetenv("all_proxy");
  }
  // Short where the test waits for a timeout, long where it must not meet one.
  static constexpr ImdsPatience kQuick{
      .token_timeout = Duration(20), .token_pause = Duration(1), .request_timeout = Duration(50)};
  static constexpr ImdsPatience kSteady{.token_timeout = Duration(10000),
                                        .token_pause = Duration(1),
                                        .request_timeout = Duration(10000)};

  ImdsClient client(const LoopbackHttpServer& server, bool disable_token = false,
                    ImdsPatience patience = kSteady) const {
    return {*http_, server.url(), disable_token, patience};
  }

  std::unique_ptr<http::HttpClient> http_ = http::makeHttpClient();
};

TEST_F(Imds, DefaultsAreThoseOfTheContract) {
  const ImdsPatience mount;
  EXPECT_EQ(mount.token_timeout, Duration(500));
  EXPECT_EQ(mount.token_tries, 3);
  EXPECT_EQ(mount.token_pause, Duration(500));
  EXPECT_EQ(mount.request_timeout, Duration(1000));
  EXPECT_EQ(ImdsPatience::watchdog().token_timeout, Duration(50));
  EXPECT_EQ(ImdsPatience::watchdog().token_tries, 1);
}

TEST_F(Imds, AsksForATokenOnceAndUsesIt) {
  LoopbackHttpServer server(strictService);
  auto imds = client(server);
  const auto identity = imds.identity();
  ASSERT_TRUE(identity) << identity.error().describe();
  EXPECT_EQ(identity->region, "eu-west-1");
  EXPECT_EQ(identity->availability_zone, "eu-west-1a");
  EXPECT_EQ(identity->instance_id, "i-0123");
  EXPECT_EQ(imds.availabilityZoneId().value(), "euw1-az2");
  ASSERT_TRUE(imds.identity());
  EXPECT_EQ(server.requests().size(), 3U);  // token, document, zone; the rest is remembered
}

TEST_F(Imds, FallsBackToVersionOneWhenTheTokenIsRefused) {
  LoopbackHttpServer server([](const std::string& request) {
    return isTokenRequest(request) ? httpReply(403, "") : httpReply(200, kIdentity);
  });
  auto imds = client(server);
  ASSERT_TRUE(imds.identity());
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 2U);
  EXPECT_EQ(requests[1].find("X-aws-ec2-metadata-token"), std::string::npos);
}

TEST_F(Imds, TriesThreeTimesForATokenWhenTheServiceIsSlow) {
  LoopbackHttpServer server([](const std::string& request) {
    return isTokenRequest(request) ? test::kNeverReply : httpReply(200, kIdentity);
  });
  ImdsPatience patience = kSteady;
  patience.token_timeout = Duration(20);
  auto imds = client(server, false, patience);
  ASSERT_TRUE(imds.identity());
  EXPECT_EQ(server.requests().size(), 4U);
}

TEST_F(Imds, GivesUpOnASlowDocument) {
  LoopbackHttpServer server([](const std::string&) { return test::kNeverReply; });
  auto imds = client(server, false, kQuick);
  const auto identity = imds.identity();
  ASSERT_FALSE(identity);
  EXPECT_EQ(identity.error().kind(), ErrorKind::kTimeout) << identity.error().describe();
}

TEST_F(Imds, NeverAsksForATokenWhenDisabled) {
  LoopbackHttpServer server([](const std::string&) { return httpReply(200, kIdentity); });
  auto imds = client(server, true);
  ASSERT_TRUE(imds.identity());
  EXPECT_EQ(server.requests().size(), 1U);
}

// Section 19, anchor "IMDSv2 is enabled on the instance"
TEST_F(Imds, WarnsNamingTheKeyWhenVersionTwoIsDemandedButDisabled) {
  std::string directory = ::testing::TempDir() + "imds-log-XXXXXX";
  ASSERT_NE(::mkdtemp(directory.data()), nullptr);
  const std::string path = directory + "/mount.log";
  ASSERT_TRUE(log::open({.path = path}));
  LoopbackHttpServer server(strictService);
  auto imds = client(server, true);
  const auto identity = imds.identity();
  const auto written = readFile(path);
  log::setLevel(log::Level::kOff);
  std::filesystem::remove_all(directory);
  ASSERT_FALSE(identity);
  EXPECT_EQ(identity.error().kind(), ErrorKind::kPermission);
  ASSERT_TRUE(written);
  EXPECT_NE(written->find("IMDSv2 is enabled on the instance"), std::string::npos) << *written;
  EXPECT_NE(written->find("disable_fetch_ec2_metadata_token"), std::string::npos) << *written;
}

TEST_F(Imds, TellsAboutTheHopLimitWhenTheTokenNeverCame) {
  LoopbackHttpServer server([](const std::string& request) {
    return isTokenRequest(request) ? test::kNeverReply : httpReply(401, "");
  });
  ImdsPatience patience = kSteady;
  patience.token_timeout = Duration(20);
  auto imds = client(server, false, patience);
  const auto identity = imds.identity();
  ASSERT_FALSE(identity);
  EXPECT_NE(identity.error().describe().find("hop limit"), std::string::npos)
      << identity.error().describe();
}

TEST_F(Imds, RefusesRepliesThatAreHugeCutOrNotText) {
  const std::vector<std::string> replies{
      httpReply(200, std::string(70000, ' ')),
      "HTTP/1.1 200 X\r\nContent-Length: 500\r\n\r\n{\"region\":",
      httpReply(200, "{\"region\":\"eu-west-1\xFF\"}"),
      httpReply(200, "{\"region\":"),
      httpReply(200, ""),
      httpReply(200, "<html>captive portal</html>"),
      httpReply(200, R"({"region":"x/../y"})"),
      httpReply(500, kIdentity),
  };
  for (const auto& reply : replies) {
    LoopbackHttpServer server([&](const std::string&) { return reply; });
    auto imds = client(server, true);
    EXPECT_FALSE(imds.identity()) << reply.substr(0, 80);
  }
}

TEST_F(Imds, DoesNotSendATokenThatWouldBreakTheHeader) {
  LoopbackHttpServer server([](const std::string& request) {
    return isTokenRequest(request) ? httpReply(200, "a\r\nX-Evil: 1") : httpReply(200, kIdentity);
  });
  auto imds = client(server);
  ASSERT_TRUE(imds.identity());
  EXPECT_EQ(server.requests().at(1).find("X-Evil"), std::string::npos);
}

TEST_F(Imds, RefusesAZoneIdThatIsNotALabel) {
  LoopbackHttpServer server([](const std::string&) { return httpReply(200, "a.b\nc"); });
  auto imds = client(server, true);
  EXPECT_FALSE(imds.availabilityZoneId());
}

// A silent service costs one patience, however many answers are wanted of it.
TEST_F(Imds, ASilentServiceIsAskedOnlyOnce) {
  LoopbackHttpServer server([](const std::string&) { return test::kNeverReply; });
  auto imds = client(server, true, {.request_timeout = Duration(50)});
  ASSERT_FALSE(imds.identity());
  const auto again = imds.identity();
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().kind(), ErrorKind::kTimeout);
  EXPECT_NE(again.error().message().find("dynamic/instance-identity"), std::string::npos);
  EXPECT_FALSE(imds.availabilityZoneId());
  EXPECT_EQ(server.requests().size(), 1U);
}

TEST_F(Imds, NobodyAsksWhereTheVariableForbidsIt) {
  LoopbackHttpServer server(strictService);
  std::string disabled = "TRUE";
  const auto environment = [&](const std::string& name) -> std::optional<std::string> {
    if (name == "AWS_EC2_METADATA_SERVICE_ENDPOINT") return server.url();
    if (name == "AWS_EC2_METADATA_DISABLED") return disabled;
    return std::nullopt;
  };
  auto forbidden = ImdsClient::fromEnvironment(*http_, environment, false, kSteady);
  EXPECT_NE(forbidden.identity().error().message().find("AWS_EC2_METADATA_DISABLED is true"),
            std::string::npos);
  EXPECT_TRUE(server.requests().empty());
  disabled = "false";
  EXPECT_TRUE(ImdsClient::fromEnvironment(*http_, environment, false, kSteady).identity());
}

TEST(ImdsEndpoint, HasAnAddressOfItsOwnForIpv6) {
  const auto with = [](const char* mode) {
    return imdsEndpoint([mode](const std::string& name) -> std::optional<std::string> {
      if (name == "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE") return mode;
      return std::nullopt;
    });
  };
  EXPECT_EQ(with("IPv6"), "http://[fd00:ec2::254]");
  EXPECT_EQ(with("ipv4"), "http://169.254.169.254");
}

TEST(ImdsEndpoint, IsTakenFromTheEnvironmentWithoutItsLastSlash) {
  const auto with = [](std::optional<std::string> value) {
    return imdsEndpoint([value](const std::string& name) {
      return name == "AWS_EC2_METADATA_SERVICE_ENDPOINT" ? value : std::nullopt;
    });
  };
  EXPECT_EQ(with("http://[fd00:ec2::254]/"), "http://[fd00:ec2::254]");
  EXPECT_EQ(with("http://a.example//"), "http://a.example/") << "a path of its own";
  EXPECT_EQ(with("/"), "/") << "no other address in its place";
  EXPECT_EQ(with(""), "http://169.254.169.254");
  EXPECT_EQ(with(std::nullopt), "http://169.254.169.254");
}

}  // namespace
}  // namespace efs::aws
