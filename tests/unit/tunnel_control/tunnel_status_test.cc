#include "efs/tunnel_control/tunnel_status.h"

#include <gtest/gtest.h>

#include <climits>

namespace efs::tunnel_control {
namespace {

std::optional<TunnelStatus> again(const TunnelStatus& status) {
  std::string line = status.encode();
  EXPECT_EQ(line.back(), '\n');
  line.pop_back();
  return TunnelStatus::decode(line);
}

TEST(TunnelStatus, HasOneLinePerStage) {
  EXPECT_EQ((TunnelStatus{Stage::kConnected, "10.0.0.5:2049", {}, {}}).encode(),
            "connected\t10.0.0.5:2049\n");
  const TunnelStatus failed{Stage::kFailed, "wrong name", Stage::kSecured, ErrorKind::kUntrusted};
  EXPECT_EQ(failed.encode(), "failed\tsecured\tuntrusted\twrong name\n");
}

TEST(TunnelStatus, GoesThereAndBackForEveryStageAndKind) {
  for (const Stage stage : {Stage::kListening, Stage::kResolved, Stage::kConnected, Stage::kSecured,
                            Stage::kAccepted}) {
    const auto status = again({stage, "d", {}, {}});
    ASSERT_TRUE(status.has_value()) << stageName(stage);
    EXPECT_EQ(status->stage, stage);
    EXPECT_EQ(status->detail, "d");
    for (int kind = 0; kind <= static_cast<int>(ErrorKind::kInternal); ++kind) {
      const auto failed = again({Stage::kFailed, "", stage, static_cast<ErrorKind>(kind)});
      ASSERT_TRUE(failed.has_value());
      EXPECT_EQ(failed->failed_stage, stage);
      EXPECT_EQ(static_cast<int>(failed->kind), kind);
    }
  }
}

TEST(TunnelStatus, KeepsControlCharactersOutOfTheLine) {
  const auto status = again({Stage::kResolved, "a\tb\nc\x7F", {}, {}});
  ASSERT_TRUE(status.has_value());
  EXPECT_EQ(status->detail, "a?b?c?");
}

TEST(TunnelStatus, FitsIntoOneAtomicPipeWrite) {
  const TunnelStatus status{Stage::kFailed, std::string(100000, 'x'), Stage::kSecured,
                            ErrorKind::kInvalidInput};
  EXPECT_LT(status.encode().size(), static_cast<std::size_t>(PIPE_BUF));
  EXPECT_TRUE(again(status).has_value());
}

TEST(TunnelStatus, RefusesMalformedLines) {
  for (const char* line :
       {"", "connected", "Connected\tx", "unknown\tx", "connected\tx\ty", "failed\tsecured\tio",
        "failed\tfailed\tio\tx", "failed\tsecured\tworse\tx", "failed\tx\tio\ty", "connected\ta\nb",
        "failed\tsecured\tio\tx\ty"}) {
    EXPECT_FALSE(TunnelStatus::decode(line).has_value()) << line;
  }
  EXPECT_FALSE(TunnelStatus::decode("connected\t" + std::string(5000, 'x')).has_value());
}

}  // namespace
}  // namespace efs::tunnel_control
