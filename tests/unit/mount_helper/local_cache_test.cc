#include "carry_out/local_cache.h"

#include <gtest/gtest.h>

#include "efs/base/files.h"
#include "efs/test_support/temp_dir.h"

namespace efs::mount_helper {
namespace {

class LocalCache : public ::testing::Test {
 protected:
  std::string notice(const std::string& options) const {
    return missingCacheNotice(mounts::OptionList::parse(options), dir_.at("proc"), dir_.at("run"));
  }
  void caches(const std::string& lines) {
    ASSERT_TRUE(makeDirectories(dir_.at("proc/fs/fscache"), 0755));
    ASSERT_TRUE(writeFileAtomic(dir_.at("proc/fs/fscache/caches"),
                                "CACHE    REF   VOLS  OBJS  ACCES S NAME\n"
                                "======== ===== ===== ===== ===== = ===============\n" +
                                    lines));
  }

  const test_support::TempDir dir_;
};

TEST_F(LocalCache, IsNotMissedWhereItIsNotWanted) { EXPECT_EQ(notice("tls,rsize=1048576"), ""); }

TEST_F(LocalCache, IsMissedWhereTheKernelHasNone) {
  EXPECT_NE(notice("tls,fsc").find("install cachefilesd"), std::string::npos);
  caches("");
  EXPECT_NE(notice("tls,fsc").find("install cachefilesd"), std::string::npos);
}

TEST_F(LocalCache, IsThereWhereTheKernelListsIt) {
  caches("00000001     2     1  2123     1 A default\n");
  EXPECT_EQ(notice("tls,fsc"), "");
}

// Linux before 5.17 lists none.
TEST_F(LocalCache, IsThereWhereItsDaemonRuns) {
  ASSERT_TRUE(makeDirectories(dir_.at("run"), 0755));
  ASSERT_TRUE(writeFileAtomic(dir_.at("run/cachefilesd.pid"), "123\n"));
  EXPECT_EQ(notice("fsc"), "");
}

}  // namespace
}  // namespace efs::mount_helper
