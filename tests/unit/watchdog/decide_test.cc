// The table of watchdog/README.md, row by row: what is seen of a mount -> what is done.
#include "judge/decide.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "decide_bench.h"

namespace efs::watchdog {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// WD-12, NFS-8
TEST(Decide, LooksThreeTimesAfterTheReadAheadOfANewMount) {
  Bench bench;
  bench.policy.keep_read_ahead = true;
  EXPECT_THAT(bench.step(), IsEmpty());
  EXPECT_EQ(bench.last.wake, bench.seen.now + kReadAheadLooks[0]);
  for (const Duration pause : {Duration(2000), Duration(8000), Duration(50000)})
    EXPECT_THAT(bench.step(pause), ElementsAre(Action::kCheckReadAhead));
  EXPECT_THAT(bench.step(std::chrono::hours(1)), IsEmpty());
  EXPECT_FALSE(bench.last.wake);
}

// Contract 25.10: nothing is done, so nothing is written.
TEST(Decide, LeavesAHealthyMountAloneAndAsksForNoTimer) {
  Bench bench;
  EXPECT_THAT(bench.step(), IsEmpty());
  EXPECT_FALSE(bench.last.wake);
}

// WD-6
TEST(Decide, ReplacesADeadTunnelAtOnce) {
  Bench bench;
  bench.step();
  bench.seen.tunnel_alive = false;
  EXPECT_THAT(bench.step(Duration(5)), ElementsAre(Action::kStartTunnel));
}

TEST(Decide, SaysWhy) {
  Bench bench;
  bench.step();
  bench.seen.tunnel_alive = false;
  bench.step(Duration(5));
  ASSERT_EQ(bench.last.because.size(), 1U);
  EXPECT_EQ(bench.last.because[0].why, "its tunnel is dead");
  bench.seen.tunnel_alive = true;
  bench.seen.health.stuck = kSuspicion;
  bench.step(Duration(5));
  ASSERT_EQ(bench.last.because.size(), 1U);
  EXPECT_EQ(bench.last.because[0].what, "probe");
  EXPECT_EQ(bench.last.because[0].why, "a call has been waiting");
}

// WD-9: a tunnel that cannot live is held back, never given up.
TEST(Decide, HoldsBackATunnelThatDiesYoung) {
  Bench bench;
  bench.seen.tunnel_alive = false;
  EXPECT_THAT(bench.step(), ElementsAre(Action::kStartTunnel));
  EXPECT_THAT(bench.step(Duration(999)), IsEmpty());
  EXPECT_EQ(bench.last.wake, bench.seen.now + Duration(1));
  EXPECT_THAT(bench.step(Duration(1)), ElementsAre(Action::kStartTunnel));
  EXPECT_THAT(bench.step(Duration(1999)), IsEmpty());
  EXPECT_THAT(bench.step(Duration(1)), ElementsAre(Action::kStartTunnel));
  for (int i = 0; i < 20; ++i) bench.step(Duration(60000));
  bench.step(Duration(0));
  EXPECT_THAT(bench.step(Duration(29999)), IsEmpty());
  EXPECT_THAT(bench.step(Duration(1)), ElementsAre(Action::kStartTunnel));
}

TEST(Decide, RestartsAtOnceAgainAfterALongLife) {
  Bench bench;
  bench.seen.tunnel_alive = false;
  bench.step();
  bench.seen.tunnel_alive = true;
  bench.step(Duration(1));
  bench.step(kStableLife);
  bench.seen.tunnel_alive = false;
  EXPECT_THAT(bench.step(Duration(1)), ElementsAre(Action::kStartTunnel));
}

// Found by ten minutes of random faults: with a minute instead of ten seconds, tunnels that were
// killed every quarter of a minute were held back for half a minute each.
TEST(Decide, NeverHoldsBackATunnelThatServedForAWhile) {
  Bench bench;
  bench.step();
  for (int i = 0; i < 20; ++i) {
    bench.seen.tunnel_alive = false;
    EXPECT_THAT(bench.step(Duration(1)), ElementsAre(Action::kStartTunnel));
    bench.seen.tunnel_alive = true;
    bench.step(Duration(1));
    bench.step(Duration(12000));
  }
}

TEST(Decide, KeepsTheTunnelWhenTheMountTableCannotBeRead) {
  Bench bench;
  bench.seen.mounted = Seen::kUnknown;
  for (int i = 0; i < 1000; ++i) EXPECT_THAT(bench.step(Duration(5000)), IsEmpty());
}

// WD-5
TEST(Decide, StopsTheTunnelTwoSecondsAfterTheUnmountAndThenRemovesTheState) {
  Bench bench;
  bench.unmount();
  EXPECT_THAT(bench.step(), ElementsAre(Action::kNoteUnmount));
  EXPECT_THAT(bench.step(Duration(1999)), IsEmpty());
  EXPECT_THAT(bench.step(Duration(1)), ElementsAre(Action::kTerminateTunnel));
  bench.seen.tunnel_alive = false;
  EXPECT_THAT(bench.step(Duration(3)), ElementsAre(Action::kRemoveMount));
}

TEST(Decide, KillsATunnelThatIgnoresSigterm) {
  Bench bench;
  bench.unmount();
  bench.step();
  bench.step(kUnusedBeforeStop);
  EXPECT_THAT(bench.step(kTermPatience - Duration(1)), IsEmpty());
  EXPECT_THAT(bench.step(Duration(1)), ElementsAre(Action::kKillTunnel));
  EXPECT_THAT(bench.step(Duration(1)), IsEmpty());
  EXPECT_THAT(bench.step(kTermPatience), ElementsAre(Action::kKillTunnel));
}

// Design, "Last unmount with a dead tunnel": DESTROY_SESSION needs it.
TEST(Decide, KeepsAndEvenReplacesTheTunnelWhileTheKernelHoldsThePort) {
  Bench bench;
  bench.unmount();
  bench.seen.kernel_client = Seen::kYes;
  EXPECT_THAT(bench.step(), ElementsAre(Action::kNoteUnmount));
  for (int i = 0; i < 500; ++i) EXPECT_THAT(bench.step(Duration(1000)), IsEmpty());
  EXPECT_TRUE(bench.last.wake);
  bench.seen.tunnel_alive = false;
  EXPECT_THAT(bench.step(Duration(1)), ElementsAre(Action::kStartTunnel));
  bench.seen.tunnel_alive = true;
  bench.seen.connected = Seen::kYes;  // the kernel comes back to it
  EXPECT_THAT(bench.step(Duration(1000)), IsEmpty());
  bench.seen.kernel_client = bench.seen.connected = Seen::kNo;
  bench.step(Duration(1000));
  EXPECT_THAT(bench.step(kUnusedBeforeStop), ElementsAre(Action::kTerminateTunnel));
}

// WD-5: never kill a tunnel that has an established client connection.
TEST(Decide, KeepsATunnelWithAnEstablishedClientWhateverElseIsUnknown) {
  Bench bench;
  bench.unmount();
  bench.seen.kernel_client = Seen::kUnknown;
  bench.seen.connected = Seen::kYes;
  bench.step();
  for (int i = 0; i < 500; ++i) EXPECT_THAT(bench.step(Duration(60000)), IsEmpty());
}

// WD-5: without the kernel's view the contract's count and grace period decide.
TEST(Decide, WaitsTheGracePeriodWhenTheKernelDoesNotShowWhoUsesThePort) {
  Bench bench;
  bench.policy.blind_unmount_delay = Duration(35000);
  bench.unmount();
  bench.seen.kernel_client = Seen::kUnknown;
  EXPECT_THAT(bench.step(), ElementsAre(Action::kNoteUnmount));
  EXPECT_THAT(bench.step(Duration(34999)), IsEmpty());
  EXPECT_THAT(bench.step(Duration(1)), ElementsAre(Action::kTerminateTunnel));
}

// WD-5: a mount whose state file is new may not be in the table yet.
TEST(Decide, DoesNotMissAMountOfLessThanThirtySecondsThatWasNeverSeen) {
  Bench bench;
  bench.seen.mounted = Seen::kNo;
  bench.seen.age = Duration(0);
  EXPECT_THAT(bench.step(), IsEmpty());
  EXPECT_EQ(bench.last.wake, bench.seen.now + kYoungMount);
  bench.seen.age = kYoungMount;
  EXPECT_THAT(bench.step(kYoungMount), ElementsAre(Action::kNoteUnmount));
}

TEST(Decide, DoesNotTreatAMountFromTheFutureAsYoungForEver) {
  Bench bench;
  bench.seen.mounted = Seen::kNo;
  bench.seen.age = Duration(-3600000);
  EXPECT_THAT(bench.step(), ElementsAre(Action::kNoteUnmount));
}

TEST(Decide, CleansUpAYoungMountThatWasSeenMounted) {
  Bench bench;
  bench.seen.age = Duration(1000);
  bench.unmount();
  bench.step();
  EXPECT_THAT(bench.step(kUnusedBeforeStop), ElementsAre(Action::kTerminateTunnel));
}

// WD-5 FIX: a mount that comes back is mounted.
TEST(Decide, ForgetsTheUnmountWhenTheMountComesBack) {
  Bench bench;
  bench.unmount();
  bench.step();
  bench.step(Duration(1999));
  bench.seen.mounted = Seen::kYes;
  bench.seen.unmount_recorded = true;
  EXPECT_THAT(bench.step(), ElementsAre(Action::kClearUnmount));
  bench.seen.unmount_recorded = false;
  EXPECT_THAT(bench.step(Duration(3600000)), IsEmpty());
  bench.seen.mounted = Seen::kNo;
  EXPECT_THAT(bench.step(), ElementsAre(Action::kNoteUnmount));
}

TEST(Decide, ReplacesATunnelThatWasTerminatedJustBeforeTheMountCameBack) {
  Bench bench;
  bench.unmount();
  bench.step();
  bench.step(kUnusedBeforeStop);
  bench.seen.mounted = Seen::kYes;
  bench.seen.tunnel_alive = false;
  EXPECT_THAT(bench.step(Duration(1)), ElementsAre(Action::kStartTunnel));
  EXPECT_FALSE(bench.last.progress.term_sent);
}

// Design, "Last unmount with a dead tunnel": the kernel has left its lists already and retries.
TEST(Decide, RevivesADeadTunnelForAMinuteAfterTheUnmount) {
  Bench bench;
  bench.unmount();
  bench.seen.tunnel_alive = false;
  EXPECT_THAT(bench.step(), ElementsAre(Action::kNoteUnmount, Action::kStartTunnel));
  bench.seen.tunnel_alive = true;
  EXPECT_THAT(bench.step(), IsEmpty());
  EXPECT_THAT(bench.step(kRevivedBeforeStop - Duration(1)), IsEmpty());
  EXPECT_THAT(bench.step(Duration(1)), ElementsAre(Action::kTerminateTunnel));
  bench.seen.tunnel_alive = false;
  EXPECT_THAT(bench.step(Duration(1)), ElementsAre(Action::kRemoveMount));
}

// A client that the tunnel's death cut off comes back within half a lease, to say good bye.
TEST(Decide, KeepsASuccessorForAMinuteWhoseMountGoesBeforeItsClientIsBack) {
  Bench bench;
  bench.step();
  bench.seen.tunnel_alive = false;
  bench.step(Duration(60000));
  bench.seen.tunnel_alive = true;
  bench.step(Duration(1000));
  bench.unmount();
  EXPECT_THAT(bench.step(), ElementsAre(Action::kNoteUnmount));
  EXPECT_THAT(bench.step(kRevivedBeforeStop - Duration(1)), IsEmpty());
  EXPECT_THAT(bench.step(Duration(1)), ElementsAre(Action::kTerminateTunnel));
}

TEST(Decide, KeepsASuccessorNoLongerThanItsClientNeedsIt) {
  Bench bench;
  bench.step();
  bench.seen.tunnel_alive = false;
  bench.step(Duration(60000));
  bench.seen.tunnel_alive = true;
  bench.step(Duration(1000));
  bench.unmount();
  bench.seen.connected = Seen::kYes;
  EXPECT_THAT(bench.step(), ElementsAre(Action::kNoteUnmount));
  bench.seen.connected = Seen::kNo;
  EXPECT_THAT(bench.step(Duration(1000)), IsEmpty());
  EXPECT_THAT(bench.step(kUnusedBeforeStop), ElementsAre(Action::kTerminateTunnel));
}

// Seed 122 of the simulation: the tunnel was replaced, and the watchdog died before the mount went.
// Who has just started does not know whether a tunnel without a page is a successor.
TEST(Decide, KeepsATunnelForAMinuteWhoseMountItNeverSaw) {
  Bench bench;
  bench.seen.mounted = Seen::kNo;
  EXPECT_THAT(bench.step(), ElementsAre(Action::kNoteUnmount));
  EXPECT_THAT(bench.step(kRevivedBeforeStop - Duration(1)), IsEmpty());
  EXPECT_THAT(bench.step(Duration(1)), ElementsAre(Action::kTerminateTunnel));
}

TEST(Decide, KeepsATunnelNoLongerWhoseClientItSaw) {
  const auto lastsAsLongAsAnyOther = [](Bench& bench) {
    bench.seen.mounted = bench.seen.connected = Seen::kNo;
    bench.seen.pending = false;
    bench.step();
    EXPECT_THAT(bench.step(kUnusedBeforeStop), ElementsAre(Action::kTerminateTunnel));
  };
  Bench half_made;
  half_made.seen.pending = true;
  half_made.step();
  lastsAsLongAsAnyOther(half_made);
  Bench connected;
  connected.seen.mounted = Seen::kNo;
  connected.seen.connected = Seen::kYes;
  connected.step();
  lastsAsLongAsAnyOther(connected);
  Bench counted;
  counted.seen.client_came = Seen::kYes;
  lastsAsLongAsAnyOther(counted);
}

// CLI-9, WD-5: umount.efs saw the end of the last unmount.
TEST(Decide, CleansUpAtOnceAfterAnAnnouncedUnmount) {
  Bench bench;
  bench.unmount();
  bench.seen.unmount_announced = true;
  EXPECT_THAT(bench.step(), ElementsAre(Action::kNoteUnmount, Action::kTerminateTunnel));
  bench.seen.tunnel_alive = false;
  EXPECT_THAT(bench.step(), ElementsAre(Action::kRemoveMount));
}

TEST(Decide, RevivesNoTunnelAfterAnAnnouncedUnmountOfEvenAYoungMount) {
  Bench bench;
  bench.seen.age = Duration(100);
  bench.seen.mounted = Seen::kNo;
  bench.seen.tunnel_alive = false;
  bench.seen.unmount_announced = true;
  EXPECT_THAT(bench.step(), ElementsAre(Action::kNoteUnmount, Action::kRemoveMount));
}

// An announcement is no proof: other mounts, other namespaces, open files of a lazy unmount.
TEST(Decide, BelievesTheKernelMoreThanAnAnnouncement) {
  Bench bench;
  bench.seen.unmount_announced = true;
  EXPECT_THAT(bench.step(), IsEmpty()) << "still in the table";
  bench.unmount();
  bench.seen.kernel_client = Seen::kYes;
  EXPECT_THAT(bench.step(), ElementsAre(Action::kNoteUnmount));
  bench.seen.kernel_client = Seen::kUnknown;
  EXPECT_THAT(bench.step(Duration(10000)), IsEmpty()) << "nobody can tell";
  bench.seen.kernel_client = Seen::kNo;
  bench.seen.connected = Seen::kYes;
  EXPECT_THAT(bench.step(), IsEmpty());
  bench.seen.connected = Seen::kNo;
  EXPECT_THAT(bench.step(), ElementsAre(Action::kTerminateTunnel));
}

TEST(Decide, RemovesTheStateOfAnUnmountedMountWhoseTunnelCannotStart) {
  Bench bench;
  bench.unmount();
  bench.seen.tunnel_alive = false;
  bench.step();
  bench.step(kRevivedBeforeStop - Duration(1));
  EXPECT_THAT(bench.step(Duration(1)), ElementsAre(Action::kRemoveMount));
}

TEST(BackOff, DoublesUpToItsLimitWithJitterOfAFifth) {
  const Duration base(1000);
  const Duration limit(30000);
  EXPECT_EQ(backOff(1, base, limit, 0.5), Duration(1000));
  EXPECT_EQ(backOff(2, base, limit, 0.5), Duration(2000));
  EXPECT_EQ(backOff(5, base, limit, 0.5), Duration(16000));
  EXPECT_EQ(backOff(6, base, limit, 0.5), limit);
  EXPECT_EQ(backOff(1000000, base, limit, 0.5), limit);
  EXPECT_EQ(backOff(1, base, limit, 0.0), Duration(800));
  EXPECT_EQ(backOff(1, base, limit, 1.0), Duration(1200));
}

// A successor that a remount of ours is making: on a kernel without fsopen(2) it is mounted at a
// staging path, under its '~' name, and nobody's helper looks after it.
TEST(Decide, DoesNotTouchASuccessorBeforeItsRemountHasEnded) {
  Bench bench;
  bench.seen.pending = true;
  bench.seen.helper = Seen::kNo;
  bench.seen.being_made = true;
  EXPECT_THAT(bench.step(), IsEmpty());
  EXPECT_THAT(bench.step(2 * kPendingAdoption), IsEmpty()) << "mounted, but not published";
  bench.seen.mounted = Seen::kNo;
  EXPECT_THAT(bench.step(2 * kPendingExpiry), IsEmpty());
  EXPECT_FALSE(bench.last.wake) << "the end of the job is an event";
}

// The mount that was never attached says good bye to the server through its tunnel.
TEST(Decide, KeepsTheTunnelOfAFailedSuccessorUntilTheKernelForgetsItsPort) {
  Bench bench;
  bench.seen.pending = bench.seen.given_up = true;
  bench.seen.mounted = Seen::kNo;
  bench.seen.kernel_client = Seen::kYes;
  EXPECT_THAT(bench.step(), IsEmpty());
  ASSERT_TRUE(bench.last.wake);
  bench.seen.kernel_client = Seen::kNo;
  EXPECT_THAT(bench.step(Duration(5000)), ElementsAre(Action::kTerminateTunnel));
  bench.seen.tunnel_alive = false;
  EXPECT_THAT(bench.step(), ElementsAre(Action::kRemoveMount));
}

}  // namespace
}  // namespace efs::watchdog
