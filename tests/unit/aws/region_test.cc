// REG-1
#include "efs/aws/region.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "loopback_http_server.h"

namespace efs::aws {
namespace {

class RegionChoice : public ::testing::Test {
 protected:
  void SetUp() override { ::unsetenv("http_proxy"); }

  Result<Region> choose(const RegionSources& sources) {
    ImdsClient imds(*http_, server_.url(), true, {.request_timeout = Duration(10000)});
    return chooseRegion(sources, imds);
  }

  std::string imds_reply_ = test::httpReply(200, R"({"region":"from-document"})");
  std::unique_ptr<http::HttpClient> http_ = http::makeHttpClient();
  test::LoopbackHttpServer server_{[this](const std::string&) { return imds_reply_; }};
};

TEST_F(RegionChoice, TakesTheFirstSourceThatIsNotEmpty) {
  RegionSources sources{"from-option", "from-aws-region", "from-default-region", "from-config",
                        "{fs_id}.efs.from-format.{dns_name_suffix}"};
  EXPECT_EQ(choose(sources)->name, "from-option");
  sources.option = std::nullopt;
  EXPECT_EQ(choose(sources)->name, "from-aws-region");
  sources.aws_region = "";
  EXPECT_EQ(choose(sources)->name, "from-default-region");
  sources.aws_default_region = std::nullopt;
  EXPECT_EQ(choose(sources)->name, "from-config");
  EXPECT_TRUE(server_.requests().empty());
  sources.config = std::nullopt;
  EXPECT_EQ(choose(sources)->name, "from-document");
  imds_reply_ = test::httpReply(404, "");
  EXPECT_EQ(choose(sources)->name, "from-format");
}

TEST_F(RegionChoice, FailsWithTheAnchorsAndAHintWhenAllSourcesAreSilent) {
  imds_reply_ = test::httpReply(404, "");
  const auto region = choose({.dns_name_format = "{az}.{fs_id}.efs.{region}.{dns_name_suffix}"});
  ASSERT_FALSE(region);
  EXPECT_NE(region.error().message().find("Error retrieving region"), std::string::npos);
  EXPECT_NE(region.error().message().find("Cannot retrieve region from instance_metadata"),
            std::string::npos);
  EXPECT_NE(region.error().hint().find("AWS_REGION"), std::string::npos);
}

TEST_F(RegionChoice, DoesNotSkipAValueThatCannotBeARegion) {
  const auto region = choose({.option = "eu-west-1.evil.example/", .config = "eu-west-1"});
  ASSERT_FALSE(region);
  EXPECT_EQ(region.error().kind(), ErrorKind::kInvalidInput);
  EXPECT_NE(region.error().message().find("mount option region"), std::string::npos);
}

TEST(RegionOfDnsNameFormat, FindsTheLabelBeforeTheSuffix) {
  EXPECT_EQ(regionOfDnsNameFormat("{fs_id}.efs.us-east-1.amazonaws.com"), "us-east-1");
  EXPECT_EQ(regionOfDnsNameFormat("{fs_id}.efs.cn-north-1.amazonaws.com.cn"), "cn-north-1");
  EXPECT_EQ(regionOfDnsNameFormat("{az}.{fs_id}.efs.eu-west-1.{dns_name_suffix}"), "eu-west-1");
  EXPECT_EQ(regionOfDnsNameFormat("{fs_id}.efs.{region}.{dns_name_suffix}"), std::nullopt);
  EXPECT_EQ(regionOfDnsNameFormat("{fs_id}.efs.{dns_name_suffix}"), std::nullopt);
  EXPECT_EQ(regionOfDnsNameFormat("{fs_id}.efs.example.org"), std::nullopt);
  EXPECT_EQ(regionOfDnsNameFormat(""), std::nullopt);
  EXPECT_EQ(regionOfDnsNameFormat(".{dns_name_suffix}"), std::nullopt);
}

}  // namespace
}  // namespace efs::aws
