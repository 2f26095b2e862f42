#include "facts/fact_finder.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <mutex>

#include "efs/base/files.h"
#include "efs/test_support/real_clock.h"
#include "efs/test_support/temp_dir.h"
#include "loopback_http_server.h"

namespace efs::mount_helper {
namespace {

using test::httpReply;

// The environment leads to servers of ours; the files of this machine's user are not looked at.
class FactsTest : public ::testing::Test {
 protected:
  FactsTest() {
    EXPECT_TRUE(writeFileAtomic(dir_.at("jwt"), "a.b.c", {.mode = 0600}));
    set("AWS_SHARED_CREDENTIALS_FILE", dir_.at("absent"));
    set("AWS_CONFIG_FILE", dir_.at("absent"));
    set("AWS_ROLE_ARN", "arn:aws:iam::1:role/web");
    set("AWS_WEB_IDENTITY_TOKEN_FILE", dir_.at("jwt"));
    request_.device.fs_id = "fs-1";
    request_.region = "eu-west-1";
    request_.iam = true;
  }
  ~FactsTest() override {
    for (const auto& name : set_) ::unsetenv(name.c_str());
  }
  void set(const std::string& name, const std::string& value) {
    ::setenv(name.c_str(), value.c_str(), 1);
    set_.push_back(name);
  }

  const test_support::TempDir dir_;
  const test_support::RealClock clock_{"HTTP servers on the loopback"};
  const settings::Settings settings_;
  MountRequest request_;

 private:
  std::vector<std::string> set_;
};

bool asksIdentity(const std::string& request) {
  return request.starts_with("GET /latest/dynamic/instance-identity/document");
}

TEST_F(FactsTest, AMetadataServiceThatFailsIsAskedOnceForTheDocument) {
  const test::LoopbackHttpServer metadata([](const std::string& request) {
    return asksIdentity(request) ? httpReply(500, "") : httpReply(200, "TOKEN");
  });
  set("AWS_EC2_METADATA_SERVICE_ENDPOINT", metadata.url());
  FactFinder facts(request_, settings_, clock_);
  EXPECT_EQ(facts.instanceId(), "");
  EXPECT_EQ(facts.instanceId(), "");
  EXPECT_EQ(metadata.requests().size(), 2U);
}

constexpr const char* kIdentity =
    R"({"region":"eu-west-1","availabilityZone":"eu-west-1a","instanceId":"i-0123"})";

// Twenty mounts at once are more than the metadata service likes.
TEST_F(FactsTest, RegionIsAskedForAgainWhereTheServiceIsBusy) {
  request_.region.reset();
  set("AWS_REGION", "");
  set("AWS_DEFAULT_REGION", "");
  int asked = 0;
  std::mutex mutex;
  const test::LoopbackHttpServer metadata([&](const std::string& request) {
    if (!asksIdentity(request)) return httpReply(200, "TOKEN");
    const std::lock_guard<std::mutex> guard(mutex);
    return ++asked < 3 ? httpReply(503, "") : httpReply(200, kIdentity);
  });
  set("AWS_EC2_METADATA_SERVICE_ENDPOINT", metadata.url());
  const auto region = FactFinder(request_, settings_, clock_, dir_.at("")).region();
  ASSERT_TRUE(region) << region.error().describe();
  EXPECT_EQ(*region, "eu-west-1");
  EXPECT_EQ(asked, 3);
}

TEST_F(FactsTest, RegionThatAnotherMountWasToldServesWhereTheServiceIsBusy) {
  request_.region.reset();
  set("AWS_REGION", "");
  set("AWS_DEFAULT_REGION", "");
  bool busy = false;
  std::mutex mutex;
  const test::LoopbackHttpServer metadata([&](const std::string& request) {
    const std::lock_guard<std::mutex> guard(mutex);
    if (busy) return httpReply(503, "");
    return asksIdentity(request) ? httpReply(200, kIdentity) : httpReply(200, "TOKEN");
  });
  set("AWS_EC2_METADATA_SERVICE_ENDPOINT", metadata.url());
  ASSERT_TRUE(FactFinder(request_, settings_, clock_, dir_.at("")).region());
  {
    const std::lock_guard<std::mutex> guard(mutex);
    busy = true;
  }
  const auto region = FactFinder(request_, settings_, clock_, dir_.at("")).region();
  ASSERT_TRUE(region) << region.error().describe();
  EXPECT_EQ(*region, "eu-west-1");
}

}  // namespace
}  // namespace efs::mount_helper
