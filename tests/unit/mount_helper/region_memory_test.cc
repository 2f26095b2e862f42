#include "facts/region_memory.h"

#include <gtest/gtest.h>

#include "efs/base/files.h"
#include "efs/test_support/fake_clock.h"
#include "efs/test_support/temp_dir.h"

namespace efs::mount_helper {
namespace {

class RegionMemoryTest : public ::testing::Test {
 protected:
  const test_support::TempDir dir_;
  test_support::FakeClock clock_;
  const RegionMemory memory_{dir_.at(""), clock_};
};

TEST_F(RegionMemoryTest, TellsWhatWasKeptForTenMinutes) {
  EXPECT_FALSE(memory_.recall());
  memory_.keep("eu-west-1");
  EXPECT_EQ(memory_.recall(), "eu-west-1");
  clock_.advance(std::chrono::minutes(10));
  EXPECT_EQ(memory_.recall(), "eu-west-1");
  clock_.advance(std::chrono::seconds(1));
  EXPECT_FALSE(memory_.recall());
  memory_.keep("eu-west-2");
  EXPECT_EQ(memory_.recall(), "eu-west-2");
}

TEST_F(RegionMemoryTest, TellsNothingOutOfABrokenFile) {
  for (const char* text : {"", "eu-west-1", "eu-west-1 soon", "../x 1", "eu-west-1 99999999999"}) {
    ASSERT_TRUE(writeFileAtomic(dir_.at("instance-region"), text));
    EXPECT_FALSE(memory_.recall()) << text;
  }
}

TEST_F(RegionMemoryTest, DoesWithoutADirectory) {
  const RegionMemory nowhere(dir_.at("absent"), clock_);
  nowhere.keep("eu-west-1");
  EXPECT_FALSE(nowhere.recall());
}

}  // namespace
}  // namespace efs::mount_helper
