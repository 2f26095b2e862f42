#include "carry_out/rollback.h"

#include <gtest/gtest.h>

#include <string>

namespace efs::mount_helper {
namespace {

// FLOW-2
TEST(Rollback, UndoesNewestFirstAndEachStepOnce) {
  std::string order;
  {
    Rollback rollback;
    rollback.onFailure([&] { order += "a"; });
    rollback.onFailure([&] { order += "b"; });
    rollback.undo();
  }
  EXPECT_EQ(order, "ba");
}

TEST(Rollback, UndoesNothingAfterCommit) {
  bool undone = false;
  {
    Rollback rollback;
    rollback.onFailure([&] { undone = true; });
    rollback.commit();
  }
  EXPECT_FALSE(undone);
}

}  // namespace
}  // namespace efs::mount_helper
