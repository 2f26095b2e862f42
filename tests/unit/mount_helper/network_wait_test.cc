#include "efs/mount_helper/network_wait.h"

#include <gtest/gtest.h>
#include <sched.h>

#include "efs/base/subprocess.h"
#include "efs/test_support/fake_clock.h"

namespace efs::mount_helper {
namespace {

// Runs `body` where there is no interface but loopback, and that is down.
int withoutNetwork(const std::function<bool()>& body) {
  auto child = Subprocess::fork([&] {
    if (::unshare(CLONE_NEWNET) != 0) return 77;
    return body() ? 0 : 1;
  });
  const auto ended = child->wait(Duration(20000));
  return ended && ended->has_value() ? (*ended)->code : 99;
}

// FLOW-4
TEST(NetworkWait, GivesUpAfterItsPatienceAndNamesTheCause) {
  const int code = withoutNetwork([] {
    test_support::FakeClock clock;
    int tries = 0;
    const auto wait = untilNetworkIsUp(
        [&]() -> Status {
          ++tries;
          clock.advance(Duration(400));
          return Error(ErrorKind::kUnreachable, "no DNS");
        },
        clock, Duration(600));
    return tries == 2 && !wait.status && wait.network_missing &&
           wait.status.error().describe().find("_netdev") != std::string::npos;
  });
  if (code == 77) GTEST_SKIP() << "needs root";
  EXPECT_EQ(code, 0);
}

TEST(NetworkWait, GoesOnAsSoonAsTheStepSucceeds) {
  const int code = withoutNetwork([] {
    int tries = 0;
    const auto wait = untilNetworkIsUp(
        [&]() -> Status {
          if (++tries == 1) return Error(ErrorKind::kTimeout, "not yet");
          return {};
        },
        test_support::FakeClock(), Duration(5000));
    return wait.status.has_value() && tries == 2;
  });
  if (code == 77) GTEST_SKIP() << "needs root";
  EXPECT_EQ(code, 0);
}

TEST(NetworkWait, DoesNotWaitForWhatTheNetworkCannotCure) {
  int tries = 0;
  const auto wait = untilNetworkIsUp(
      [&]() -> Status {
        ++tries;
        return Error(ErrorKind::kInvalidInput, "bad");
      },
      test_support::FakeClock(), Duration(5000));
  EXPECT_FALSE(wait.status);
  EXPECT_FALSE(wait.network_missing);
  EXPECT_EQ(tries, 1);
}

struct CauseRow {
  ErrorKind kind;
  bool has_interface;
  int booted_sec;
  bool may_wait;
};

// Field: DNS is up a moment later than the interface.
TEST(NetworkMayBeTheCause, OfDnsThatIsSilentSoonAfterBoot) {
  const CauseRow rows[] = {
      {ErrorKind::kTimeout, true, 10, true},     {ErrorKind::kUnreachable, true, 119, true},
      {ErrorKind::kTimeout, true, 120, false},   {ErrorKind::kTimeout, false, 9999, true},
      {ErrorKind::kNotFound, true, 10, false},   {ErrorKind::kNotFound, false, 9999, true},
      {ErrorKind::kPermission, true, 10, false}, {ErrorKind::kInvalidInput, false, 10, false},
      {ErrorKind::kCancelled, false, 10, false}};
  for (const auto& row : rows) {
    EXPECT_EQ(networkMayBeTheCause(Error(row.kind, "x"), row.has_interface,
                                   std::chrono::seconds(row.booted_sec)),
              row.may_wait)
        << static_cast<int>(row.kind) << " " << row.has_interface << " " << row.booted_sec;
  }
}

}  // namespace
}  // namespace efs::mount_helper
