// A mount under way ("~name"): its helper's as long as that lives.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "decide_bench.h"

namespace efs::watchdog {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(Decide, LeavesAMountUnderWayToItsHelper) {
  Bench bench;
  bench.seen.pending = true;
  bench.seen.mounted = Seen::kNo;
  bench.seen.tunnel_alive = false;
  bench.seen.certificate_due = true;
  EXPECT_THAT(bench.step(), IsEmpty());
  EXPECT_THAT(bench.step(kPendingExpiry - Duration(1)), IsEmpty());
}

// C#1940
TEST(Decide, PublishesAMountWhoseHelperDiedAfterMounting) {
  Bench bench;
  bench.seen.pending = true;
  EXPECT_THAT(bench.step(), IsEmpty());
  EXPECT_THAT(bench.step(kPendingAdoption - Duration(1)), IsEmpty());
  EXPECT_THAT(bench.step(Duration(1)), ElementsAre(Action::kPublish));
}

// Section 25 no. 7: a leftover '~' file blocked its port for ever.
TEST(Decide, RemovesTheLeftoversOfAHelperThatDiedBeforeMounting) {
  Bench bench;
  bench.seen.pending = true;
  bench.seen.mounted = Seen::kNo;
  bench.step();
  EXPECT_THAT(bench.step(kPendingExpiry), ElementsAre(Action::kTerminateTunnel));
  bench.seen.tunnel_alive = false;
  EXPECT_THAT(bench.step(Duration(10)), ElementsAre(Action::kRemoveMount));
}

// Section 23, WD-5: the namespace of an awsvpc task is seen through its tunnel only
TEST(Decide, DoesNotReviveATunnelThatItEndedInANamespaceOfItsOwn) {
  for (const bool announced : {false, true}) {
    Bench bench;
    bench.unmount();
    bench.seen.unmount_announced = announced;
    bench.step();
    std::vector<Action> said = bench.last.actions;
    if (!announced) said = bench.step(kUnusedBeforeStop);
    EXPECT_THAT(said, Contains(Action::kTerminateTunnel));
    bench.seen.tunnel_alive = false;
    bench.seen.kernel_client = bench.seen.connected = Seen::kUnknown;
    EXPECT_THAT(bench.step(Duration(10)), ElementsAre(Action::kRemoveMount));
  }
}

// FLOW-1, FLOW-2: who was seen alive and is not any more is not waited for
TEST(Decide, NoticesTheDeathOfAHelperWithinASecond) {
  Bench bench;
  bench.seen.pending = true;
  bench.seen.mounted = Seen::kNo;
  bench.seen.helper = Seen::kYes;
  EXPECT_THAT(bench.step(), IsEmpty());
  EXPECT_EQ(bench.last.wake, bench.seen.now + Duration(1000));
  EXPECT_THAT(bench.step(Duration(1000)), IsEmpty());
  bench.seen.helper = Seen::kNo;
  EXPECT_THAT(bench.step(Duration(1000)), ElementsAre(Action::kTerminateTunnel));

  Bench mounted;
  mounted.seen.pending = true;
  mounted.seen.helper = Seen::kYes;
  EXPECT_THAT(mounted.step(), IsEmpty());
  mounted.seen.helper = Seen::kNo;
  EXPECT_THAT(mounted.step(Duration(1000)), ElementsAre(Action::kPublish));
}

// UP-1: a helper of efs-utils gives no sign of life
TEST(Decide, WaitsForAHelperThatNeverGaveASignOfLife) {
  Bench bench;
  bench.seen.pending = true;
  bench.seen.mounted = Seen::kNo;
  bench.seen.helper = Seen::kNo;
  EXPECT_THAT(bench.step(), IsEmpty());
  EXPECT_THAT(bench.step(kPendingExpiry - Duration(1)), IsEmpty());
}

TEST(Decide, NeverRemovesAPendingMountThatTheKernelStillTries) {
  Bench bench;
  bench.seen.pending = true;
  bench.seen.mounted = Seen::kNo;
  bench.seen.kernel_client = Seen::kYes;
  bench.step();
  EXPECT_THAT(bench.step(kPendingExpiry * 100), IsEmpty());
}

// The kernel of a tunnel in another network namespace may be out of sight.
TEST(Decide, TakesNoUnknownUseOfAPendingMountsPortForNone) {
  Bench bench;
  bench.seen.pending = true;
  bench.seen.mounted = Seen::kNo;
  bench.seen.helper = Seen::kYes;
  bench.step();
  bench.seen.helper = Seen::kNo;
  bench.seen.kernel_client = Seen::kUnknown;
  EXPECT_THAT(bench.step(Duration(1000)), IsEmpty());
  bench.seen.kernel_client = Seen::kYes;
  EXPECT_THAT(bench.step(Duration(1000)), IsEmpty());
  bench.seen.kernel_client = Seen::kNo;
  EXPECT_THAT(bench.step(Duration(1000)), ElementsAre(Action::kTerminateTunnel));
  bench.seen.tunnel_alive = false;
  bench.seen.kernel_client = Seen::kUnknown;
  EXPECT_THAT(bench.step(Duration(1000)), ElementsAre(Action::kRemoveMount));

  Bench blind;
  blind.seen.pending = true;
  blind.seen.mounted = Seen::kNo;
  blind.seen.kernel_client = Seen::kUnknown;
  blind.step();
  EXPECT_THAT(blind.step(kPendingExpiry), ElementsAre(Action::kTerminateTunnel));
}

// Its client is between two connections then, and nothing shows it.
TEST(Decide, KeepsThePortOfAFailedSuccessorForAMinuteWhoseTunnelDied) {
  Bench bench;
  bench.seen.pending = bench.seen.given_up = true;
  bench.seen.mounted = Seen::kNo;
  bench.seen.kernel_client = Seen::kYes;
  bench.step();
  bench.seen.kernel_client = Seen::kNo;
  bench.seen.tunnel_alive = false;
  EXPECT_THAT(bench.step(Duration(5000)), IsEmpty());
  EXPECT_EQ(bench.last.wake, bench.seen.now + kRevivedBeforeStop);
  EXPECT_THAT(bench.step(kRevivedBeforeStop - Duration(1)), IsEmpty());
  EXPECT_THAT(bench.step(Duration(1)), ElementsAre(Action::kRemoveMount));
}

}  // namespace
}  // namespace efs::watchdog
