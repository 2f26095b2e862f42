#include "efs/mounts/client_identifier.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>

#include "efs/base/files.h"
#include "efs/test_support/temp_dir.h"

namespace efs::mounts {
namespace {

class ClientIdentifier : public testing::Test {
 protected:
  std::string content() { return readFile(path_).value_or("?"); }
  void write(const std::string& text) { ASSERT_TRUE(writeFileAtomic(path_, text)); }

  test_support::TempDir dir_;
  const std::string path_ = dir_.path() + "/identifier";
  const std::string lock_ = dir_.path() + "/lock";
  const SystemClock clock_;
};

TEST_F(ClientIdentifier, IsOursWhileHeldAndThenWhatItWas) {
  write("host-a\n");
  {
    const auto own = OwnClientIdentifier::set(lock_, clock_, "efsmount-0123", path_);
    ASSERT_TRUE(own) << own.error().describe();
    EXPECT_EQ(content(), "efsmount-0123");
    EXPECT_FALSE(FileLock::tryAcquire(lock_));
  }
  EXPECT_EQ(content().rfind("host-a", 0), 0U);
  EXPECT_TRUE(FileLock::tryAcquire(lock_));
}

TEST_F(ClientIdentifier, IsTheHostNameAfterwardsWhereNoneWasSet) {
  write("(null)\n");
  { const auto own = OwnClientIdentifier::set(lock_, clock_, "efsmount-0123", path_); }
  std::array<char, 256> name{};
  ASSERT_EQ(::gethostname(name.data(), name.size() - 1), 0);
  EXPECT_EQ(content().rfind(name.data(), 0), 0U);
}

// A process killed in between left its own behind.
TEST_F(ClientIdentifier, DoesNotKeepOneOfAnotherMount) {
  write("efsmount-0011223344556677\n");
  { const auto own = OwnClientIdentifier::set(lock_, clock_, "efsmount-0123", path_); }
  EXPECT_EQ(content().find("efsmount-"), std::string::npos);
}

TEST_F(ClientIdentifier, SaysWhereTheKernelHasNone) {
  const auto own = OwnClientIdentifier::set(lock_, clock_, "efsmount-0123", path_);
  ASSERT_FALSE(own);
  EXPECT_EQ(own.error().kind(), ErrorKind::kUnsupported);
}

}  // namespace
}  // namespace efs::mounts
