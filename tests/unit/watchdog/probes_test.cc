// What the watchdog makes of the root of a mount.
#include "repair/probes.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "efs/base/unique_fd.h"

namespace efs::watchdog {
namespace {

TEST(AskRoot, ADirectoryThatIsThereAnswers) { EXPECT_EQ(judgeRoot(askRoot("/")), Root::kAnswered); }

TEST(AskRoot, ADeletedDirectoryThatSomebodyHoldsOpenIsStale) {
  std::string path = testing::TempDir() + "root-XXXXXX";
  ASSERT_NE(::mkdtemp(path.data()), nullptr);
  const UniqueFd held(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  ASSERT_GE(held.get(), 0);
  const std::string same = "/proc/self/fd/" + std::to_string(held.get());
  EXPECT_EQ(judgeRoot(askRoot(same)), Root::kAnswered);
  ASSERT_EQ(::rmdir(path.c_str()), 0);
  EXPECT_EQ(judgeRoot(askRoot(same)), Root::kStale);
}

TEST(AskRoot, AMountPointThatIsGoneIsNoStaleRoot) {
  EXPECT_EQ(judgeRoot(askRoot("/nonexistent/mount-point")), Root::kAnswered);
}

// As the job tells it; somebody, or the OOM killer, may end any process.
TEST(AskRoot, AChildThatWasKilledIsNoAnswer) {
  EXPECT_EQ(judgeRoot(Error(ErrorKind::kInternal, "the child was killed by signal 9")),
            Root::kSilent);
}

}  // namespace
}  // namespace efs::watchdog
