#include "request/persistence.h"

#include <gtest/gtest.h>

namespace efs::mount_helper {
namespace {

using std::chrono::minutes;

struct Row {
  const char* options;
  bool background, repeats;
  minutes limit;
};

// nfs(5): bg, fg, retry=
TEST(Persistence, FollowsTheOptionsOfNfs) {
  const Row rows[] = {
      {"tls", false, false, minutes(2)},       {"fg", false, false, minutes(2)},
      {"retry=5", false, true, minutes(5)},    {"retry=0", false, false, minutes(0)},
      {"bg", true, true, minutes(10000)},      {"tls,bg,retry=7", true, true, minutes(7)},
      {"bg,retry=0", true, false, minutes(0)}, {"bg,fg", false, false, minutes(2)},
      {"fg,bg", true, true, minutes(10000)},   {"retry=x", false, false, minutes(2)},
      {"retry=-1", false, false, minutes(2)},  {"bg,retry=10001", true, true, minutes(10000)}};
  for (const auto& row : rows) {
    const auto wish = Persistence::fromOptions(mounts::OptionList::parse(row.options));
    EXPECT_EQ(wish.background, row.background) << row.options;
    EXPECT_EQ(wish.repeats, row.repeats) << row.options;
    EXPECT_EQ(wish.limit, Duration(row.limit)) << row.options;
  }
}

TEST(Persistence, TriesAgainOnlyWhatMayPassByItself) {
  for (const auto kind :
       {ErrorKind::kTimeout, ErrorKind::kRefused, ErrorKind::kUnreachable, ErrorKind::kReset}) {
    EXPECT_TRUE(mayPassByItself(kind));
  }
  for (const auto kind : {ErrorKind::kInvalidInput, ErrorKind::kNotFound, ErrorKind::kPermission,
                          ErrorKind::kUntrusted, ErrorKind::kCancelled, ErrorKind::kBusy}) {
    EXPECT_FALSE(mayPassByItself(kind));
  }
}

TEST(Persistence, PausesGrowToHalfAMinuteWithJitter) {
  EXPECT_EQ(pauseBefore(2, 0.5), Duration(1000));
  EXPECT_EQ(pauseBefore(3, 0.5), Duration(2000));
  EXPECT_EQ(pauseBefore(7, 0.5), Duration(30000));
  EXPECT_EQ(pauseBefore(100000, 0.5), Duration(30000));
  EXPECT_EQ(pauseBefore(2, 0.0), Duration(800));
  EXPECT_EQ(pauseBefore(2, 1.0), Duration(1200));
}

}  // namespace
}  // namespace efs::mount_helper
