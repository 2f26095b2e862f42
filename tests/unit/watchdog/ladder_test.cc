// The steps of watchdog/README.md, "A mount that hangs".
#include "judge/ladder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace efs::watchdog {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;

class Ladder : public ::testing::Test {
 protected:
  Ladder() {
    seen.can_reconnect = true;
    seen.in_table = true;
    seen.locks = Seen::kNo;
    seen.probe = Probe::kNone;
    seen.reconnects = 1;
    // The question that each mount is asked once.
    step();
    step(seconds(5));
    step(minutes(1));
  }
  // Time passes; a call that waits waits longer.
  std::vector<Remedy> step(Duration later = Duration(0)) {
    now += later;
    if (seen.stuck) *seen.stuck += later;
    last = climb(seen, last.progress, policy, now, 0.5);
    return last.remedies;
  }
  // Without the questions, which change nothing.
  std::vector<Remedy> steps(Duration later = Duration(0)) {
    auto all = step(later);
    std::erase_if(all, [](Remedy r) { return r == Remedy::kProbe || r == Remedy::kCheckRoot; });
    return all;
  }
  void hang() {
    seen.stuck = policy.hang;
    seen.probe = Probe::kSilent;
  }

  HealthSeen seen;
  HealthPolicy policy;
  HealthDecision last;
  MonoTime now{std::chrono::hours(1)};
};

TEST_F(Ladder, LeavesAHealthyMountAloneWithoutATimer) {
  EXPECT_THAT(step(minutes(10)), IsEmpty());
  EXPECT_FALSE(last.wake);
}

// Whoever saw the server change may have ended before it asked.
TEST_F(Ladder, AsksTheRootOfAMountThatItSeesForTheFirstTimeOnce) {
  last = {};
  EXPECT_THAT(step(), IsEmpty());
  EXPECT_EQ(last.wake, now + seconds(5));
  EXPECT_THAT(step(seconds(5)), ElementsAre(Remedy::kCheckRoot));
  EXPECT_THAT(step(minutes(60)), IsEmpty());
}

TEST_F(Ladder, AsksARootWhenThereIsAPlaceForTheQuestion) {
  last = {};
  step();
  seen.root_possible = false;
  EXPECT_THAT(step(seconds(5)), IsEmpty());
  EXPECT_THAT(step(minutes(5)), IsEmpty());
  EXPECT_TRUE(last.wake);
  seen.root_possible = true;
  EXPECT_THAT(step(Duration(1)), ElementsAre(Remedy::kCheckRoot));
}

// A mount that nobody uses: no call waits, so nothing else would ever tell.
TEST_F(Ladder, AsksASilentRootAgainWhereNothingHangs) {
  seen.root = Root::kSilent;
  EXPECT_THAT(step(seconds(1)), ElementsAre(Remedy::kCheckRoot));
  EXPECT_THAT(step(seconds(29)), IsEmpty());
  EXPECT_EQ(last.wake, now + seconds(1));
  EXPECT_THAT(step(seconds(1)), ElementsAre(Remedy::kCheckRoot));
  ASSERT_FALSE(last.because.empty());
  EXPECT_EQ(last.because.front().why, "it did not answer");
  seen.root = Root::kAnswered;
  EXPECT_THAT(step(minutes(60)), IsEmpty());
}

TEST_F(Ladder, AsksTheServerWhenACallIsFiveSecondsOld) {
  seen.stuck = Duration(4999);
  EXPECT_THAT(step(), IsEmpty());
  EXPECT_THAT(step(Duration(1)), ElementsAre(Remedy::kProbe));
  EXPECT_EQ(last.wake, now + seconds(5));  // when it counts as hung
}

TEST_F(Ladder, ReconnectsWhenNothingCameForTenSeconds) {
  hang();
  *seen.stuck = Duration(9999);
  EXPECT_THAT(steps(), IsEmpty());
  EXPECT_THAT(steps(Duration(1)), ElementsAre(Remedy::kReportHang, Remedy::kReconnect));
}

TEST_F(Ladder, ReplacesTheTunnelWhenThatDoesNotHelp) {
  hang();
  steps();
  EXPECT_THAT(steps(Duration(9999)), IsEmpty());
  EXPECT_THAT(steps(Duration(1)), ElementsAre(Remedy::kReplaceTunnel));
}

TEST_F(Ladder, ReplacesATunnelThatDoesNotReadAtOnce) {
  hang();
  seen.deaf = true;
  EXPECT_THAT(steps(), ElementsAre(Remedy::kReportHang, Remedy::kReplaceTunnel));
}

// Issue 11, 31: under overload a tunnel that moved bytes was killed.
TEST_F(Ladder, WaitsLongerWhereWeAreLateOurselves) {
  hang();
  seen.lateness = seconds(2);
  EXPECT_THAT(steps(), IsEmpty());
  EXPECT_EQ(last.wake, now + seconds(8));
  EXPECT_THAT(steps(seconds(8)), ElementsAre(Remedy::kReportHang, Remedy::kReconnect));
  seen.lateness = std::chrono::hours(1);
  seen.stuck = policy.hang + kMaxStretch;
  EXPECT_THAT(steps(minutes(1)), Contains(Remedy::kReplaceTunnel)) << "not for ever";
}

// A guest was paused for an hour: no stretch is as long, and its server answers as soon as it can.
TEST_F(Ladder, GivesAHostThatStoodStillItsChance) {
  hang();
  *seen.stuck = std::chrono::hours(1);
  seen.lateness = std::chrono::hours(1);
  seen.awake = Duration(0);
  EXPECT_THAT(steps(), IsEmpty());
  EXPECT_EQ(last.wake, now + policy.hang);
  seen.awake = policy.hang;
  EXPECT_THAT(steps(policy.hang), ElementsAre(Remedy::kReportHang, Remedy::kReconnect));
}

TEST_F(Ladder, DoesNotEndAHangBecauseTheHostStoodStill) {
  hang();
  steps();
  seen.awake = Duration(0);
  EXPECT_THAT(steps(Duration(1)), Not(Contains(Remedy::kReportProgress)));
}

TEST_F(Ladder, GivesANewTunnelItsChance) {
  hang();
  *seen.stuck = minutes(2);
  seen.tunnel_age = Duration(0);
  EXPECT_THAT(steps(), ElementsAre(Remedy::kReportHang));
  EXPECT_EQ(last.wake, now + seconds(10));
  seen.tunnel_age = seconds(10);
  EXPECT_THAT(steps(seconds(10)), ElementsAre(Remedy::kReconnect));
}

// An older efs-proxy or a stunnel would die of the signal.
TEST_F(Ladder, NeverSendsTheSignalToATunnelThatDoesNotKnowIt) {
  hang();
  seen.can_reconnect = false;
  seen.locks = Seen::kYes;
  for (int i = 0; i < 100; ++i) EXPECT_THAT(step(seconds(10)), Not(Contains(Remedy::kReconnect)));
}

// The server is slow, or this one connection is dead.
TEST_F(Ladder, GivesAServerThatAnswersOthersAMinuteAndNeverKillsItsTunnel) {
  hang();
  seen.probe = Probe::kAnswered;
  EXPECT_THAT(steps(), ElementsAre(Remedy::kReportHang));
  EXPECT_THAT(steps(kSlowServer - policy.hang - Duration(1)), IsEmpty());
  EXPECT_THAT(steps(Duration(1)), ElementsAre(Remedy::kReconnect));
  for (int i = 0; i < 100; ++i)
    EXPECT_THAT(step(seconds(10)), Not(Contains(Remedy::kReplaceTunnel)));
}

TEST_F(Ladder, MovesToAnotherTargetAfterHalfAMinuteWithoutAnAnswer) {
  hang();
  int moves = 0;
  for (int i = 0; *seen.stuck < seconds(29); ++i) {
    EXPECT_THAT(steps(seconds(1)), Not(Contains(Remedy::kMoveTarget))) << seen.stuck->count();
  }
  for (int i = 0; i < 60; ++i) moves += steps(seconds(1)) == std::vector{Remedy::kMoveTarget};
  EXPECT_GE(moves, 1);
  EXPECT_LE(moves, 2);
}

// Its pauses grow, but none reaches past the moment when the move becomes possible.
TEST_F(Ladder, MovesAsSoonAsTheTimeIsOver) {
  seen.stuck = Duration(0);
  seen.probe = Probe::kSilent;
  while (*seen.stuck < seconds(29)) {
    EXPECT_THAT(steps(seconds(1)), Not(Contains(Remedy::kMoveTarget)));
  }
  EXPECT_THAT(steps(seconds(1)), ElementsAre(Remedy::kMoveTarget));
}

TEST_F(Ladder, MovesTwiceAsSoonWhereTheTargetRefuses) {
  hang();
  seen.probe = Probe::kRefused;
  EXPECT_THAT(steps(), ElementsAre(Remedy::kReportHang, Remedy::kReconnect));
  seen.probe = Probe::kRunning;
  EXPECT_THAT(steps(seconds(10)), ElementsAre(Remedy::kMoveTarget)) << "20 s after the cause";
}

TEST_F(Ladder, ReplacesTheTunnelOfARefusingTargetWhereItMayNotMove) {
  hang();
  seen.probe = Probe::kRefused;
  seen.locks = Seen::kYes;
  steps();
  EXPECT_THAT(steps(seconds(10)), ElementsAre(Remedy::kReplaceTunnel));
}

TEST_F(Ladder, WaitsWithTheMoveAsLongAsTheConfigurationSays) {
  policy.target_failure = seconds(120);
  hang();
  while (*seen.stuck < seconds(119)) {
    EXPECT_THAT(steps(seconds(1)), Not(Contains(Remedy::kMoveTarget)));
  }
  EXPECT_THAT(steps(seconds(1)), ElementsAre(Remedy::kMoveTarget));
}

TEST_F(Ladder, NeverMovesAMountWithLocksOrWithUnknownLocks) {
  for (const Seen locks : {Seen::kYes, Seen::kUnknown}) {
    hang();
    seen.locks = locks;
    for (int i = 0; i < 100; ++i)
      EXPECT_THAT(step(seconds(10)), Not(Contains(Remedy::kMoveTarget)));
  }
}

TEST_F(Ladder, NeverMovesWhenToldNot) {
  hang();
  policy.move = false;
  for (int i = 0; i < 100; ++i) EXPECT_THAT(step(seconds(10)), Not(Contains(Remedy::kMoveTarget)));
}

TEST_F(Ladder, GoesBackWhenTheOwnTargetHasAnsweredThreeTimes) {
  seen.away = true;
  seen.home_answers = Seen::kYes;
  EXPECT_THAT(steps(), ElementsAre(Remedy::kCheckHome));
  EXPECT_THAT(steps(seconds(60)), ElementsAre(Remedy::kCheckHome));
  EXPECT_THAT(steps(seconds(60)), ElementsAre(Remedy::kCheckHome));
  EXPECT_TRUE(last.progress.wantsLocks());
  EXPECT_THAT(steps(seconds(60)), ElementsAre(Remedy::kReturnHome));
}

TEST_F(Ladder, StaysAwayWhileLocksAreHeldOrTheOwnTargetFails) {
  seen.away = true;
  seen.home_answers = Seen::kYes;
  seen.locks = Seen::kYes;
  for (int i = 0; i < 20; ++i) EXPECT_THAT(step(seconds(60)), Not(Contains(Remedy::kReturnHome)));
  seen.locks = Seen::kNo;
  seen.home_answers = Seen::kNo;
  step(seconds(60));
  for (int i = 0; i < 20; ++i) EXPECT_THAT(step(seconds(60)), Not(Contains(Remedy::kReturnHome)));
}

TEST_F(Ladder, HoldsItsStepsBackMoreAndMore) {
  hang();
  seen.locks = Seen::kYes;
  int count = 0;
  for (int i = 0; i < 3600; ++i) count += static_cast<int>(steps(seconds(1)).size());
  EXPECT_GE(count, 12);  // never given up
  EXPECT_LE(count, 20);
}

TEST_F(Ladder, TellsWhenItMovesAgainAndAsksTheRootOnce) {
  hang();
  step();
  seen.stuck.reset();
  seen.root = Root::kSilent;
  EXPECT_THAT(steps(seconds(20)), ElementsAre(Remedy::kReportProgress));
  EXPECT_THAT(step(seconds(30)), ElementsAre(Remedy::kCheckRoot));
  seen.root = Root::kAnswered;
  EXPECT_THAT(step(seconds(90)), IsEmpty());
}

// The call that hung is gone with the tunnel; its successor has not read the next one yet.
TEST_F(Ladder, IsNotOverWhileSomethingElseWaits) {
  hang();
  EXPECT_THAT(steps(), Contains(Remedy::kReportHang));
  seen.stuck = seconds(13);
  EXPECT_THAT(steps(), Not(Contains(Remedy::kReportProgress)));
  seen.stuck = seconds(12);
  EXPECT_THAT(steps(), Not(Contains(Remedy::kReportHang)));
}

TEST_F(Ladder, AsksTheRootAfterAReconnect) {
  seen.reconnects = 2;
  EXPECT_THAT(step(seconds(1)), IsEmpty());
  EXPECT_THAT(step(seconds(5)), ElementsAre(Remedy::kCheckRoot));
}

// Contract 25.15
TEST_F(Ladder, RemountsAfterTwoStaleAnswers) {
  seen.root = Root::kStale;
  seen.stale_answers = 1;
  EXPECT_THAT(step(), IsEmpty());
  EXPECT_THAT(step(seconds(5)), ElementsAre(Remedy::kCheckRoot));
  seen.stale_answers = 2;
  EXPECT_THAT(step(seconds(1)), ElementsAre(Remedy::kRemount));
  EXPECT_THAT(step(seconds(30)), Not(Contains(Remedy::kRemount)));
  EXPECT_THAT(step(seconds(40)), Contains(Remedy::kRemount));
}

TEST_F(Ladder, RemountsNothingStaleWhenToldNot) {
  policy.remount_stale = false;
  seen.root = Root::kStale;
  seen.stale_answers = 5;
  EXPECT_THAT(steps(seconds(600)), IsEmpty());
}

// Contract 25.15
TEST_F(Ladder, RemountsAHungMountOnlyWhenToldAndOnlyWhereItIsMounted) {
  hang();
  for (int i = 0; i < 100; ++i) EXPECT_THAT(step(seconds(10)), Not(Contains(Remedy::kRemount)));
  policy.remount_after = seconds(2000);
  EXPECT_THAT(step(seconds(10)), Not(Contains(Remedy::kRemount)));
  seen.in_table = false;
  EXPECT_THAT(step(seconds(1000)), Not(Contains(Remedy::kRemount)));
  seen.in_table = true;
  EXPECT_THAT(step(seconds(1)), Contains(Remedy::kRemount));
}

TEST_F(Ladder, DoesNothingWithoutHangDetection) {
  hang();
  policy.hang = Duration(0);
  for (int i = 0; i < 100; ++i) EXPECT_THAT(step(seconds(10)), IsEmpty());
}

}  // namespace
}  // namespace efs::watchdog
