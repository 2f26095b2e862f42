// A hang is told within 15 s of its cause and another zone is tried within 45 s, whatever the
// phases of the clocks: the tunnel's handshake deadline, the kernel's pauses before it connects
// anew, the watchdog's looks. The tunnel's real meter, the watchdog's real judgement (Traffic,
// climb); a simulated kernel and server, and time that jumps from event to event.
#include "hang_simulation.h"

#include <gtest/gtest.h>

#include <random>

namespace efs::watchdog::hang {
namespace {

class Phases : public ::testing::Test {
 protected:
  // Every phase of the looks against the cause, and so against each reset that follows it.
  template <typename Check>
  void eachPhase(World world, Ms duration, Check check) {
    for (world.phase = 0; world.phase < 10 * kSecond && !HasFailure(); world.phase += 100) {
      SCOPED_TRACE(world.describe());
      check(Simulation(world).run(duration));
    }
  }
  // `tolerance`: what is seen at two looks only may have come right after the one before.
  static void expectTold(const Story& story, Ms tolerance = 0) {
    EXPECT_LE(story.told, kPromise);
    EXPECT_GE(story.told, 10 * kSecond - tolerance);
    EXPECT_EQ(story.hangs, 1) << "told once";
    EXPECT_EQ(story.over, 0) << "a reset is no answer";
  }
  static void expectFailover(const Story& story, Ms tolerance = 0) {
    expectTold(story, tolerance);
    EXPECT_GE(story.moved, 15 * kSecond - tolerance);
    EXPECT_LE(story.moved, kFailover);
  }
  static void onTime(const Story& story) { expectFailover(story); }
  static void refusedOnTime(const Story& story) {
    expectFailover(story);
    EXPECT_LE(story.moved, kFailoverOfRefused);
  }
  static void toldOnTime(const Story& story) { expectTold(story); }
  static void expectPeace(const Story& story) {
    EXPECT_EQ(story.hangs, 0);
    EXPECT_EQ(story.reconnects + story.kills, 0);
  }
};

// The fault of issue 9, D32: TCP is accepted, TLS never comes. Deadlines that beat with the looks
// and such that do not, kernels that come back at once or late.
TEST_F(Phases, ServerSilentInTlsIsToldAndLeft) {
  for (const Ms handshake : {9000, 9900, 9999, 10000, 10001, 10100, 11000, 13333}) {
    for (const Ms return_after : {0, 1, 100, 1000, 3000}) {
      for (int connections = 1; connections <= 4; ++connections) {
        eachPhase(
            {.handshake = handshake, .return_after = return_after, .connections = connections},
            80 * kSecond, onTime);
      }
    }
  }
}

TEST_F(Phases, KernelThatReconnectsLateIsNotForgotten) {
  for (int connections = 1; connections <= 4; ++connections) {
    eachPhase({.backs_off = true, .connections = connections}, 600 * kSecond, onTime);
  }
  for (const Ms return_after : {19000, 21000, 60000, 300000}) {
    eachPhase({.return_after = return_after}, 900 * kSecond, onTime);
  }
}

// Refused at once: what waits is there for milliseconds between two pauses of the kernel.
TEST_F(Phases, ServerThatRefusesOrResetsIsTold) {
  for (const Ms handshake : {1, 50, 400, 5000}) {
    for (const Ms return_after : {3000, 6000, 12000}) {
      eachPhase({.handshake = handshake, .return_after = return_after}, 80 * kSecond,
                handshake < kSecond ? refusedOnTime : onTime);
    }
    eachPhase({.handshake = handshake, .backs_off = true}, 600 * kSecond,
              handshake < kSecond ? refusedOnTime : onTime);
  }
}

// TLS is done, then silence, then a reset before anybody loses patience.
TEST_F(Phases, ServerThatIsSilentAfterTlsAndResetsIsTold) {
  for (const Ms life : {3000, 9000, 9900}) {
    for (const Ms return_after : {0, 3000, 30000}) {
      eachPhase({.handshake = 50, .secured = true, .life = life, .return_after = return_after},
                120 * kSecond, toldOnTime);
    }
  }
}

// The watchdog's own question has an answer, the mount has none.
TEST_F(Phases, AnswersToQuestionsAreNoneForTheMount) {
  eachPhase({.handshake = 50,
             .secured = true,
             .life = 9000,
             .return_after = 100,
             .questions_answered = true},
            120 * kSecond, [](const Story& story) {
              expectTold(story);
              EXPECT_EQ(story.moved, kNever) << "the server answers";
              EXPECT_EQ(story.kills, 0) << "its tunnel too";
              EXPECT_GE(story.reconnects, 1);
            });
}

// nconnect: one connection's server answers each second, another one's never.
TEST_F(Phases, OneConnectionThatHangsBesideOneThatMovesIsTold) {
  for (int connections = 2; connections <= 4; ++connections) {
    eachPhase({.connections = connections, .answering = 1, .questions_answered = true},
              60 * kSecond, toldOnTime);
  }
}

TEST_F(Phases, RestartedWatchdogIsToldByTheTunnel) {
  eachPhase({.return_after = 3000, .watchdog_restart = 12500}, 60 * kSecond,
            [](const Story& story) { EXPECT_LE(story.told, 12500 + kThird); });
}

// Mixed versions: a page that tells only what a tunnel of the release before knew.
TEST_F(Phases, TunnelOfAnOlderReleaseIsJudgedToo) {
  const auto late = [](const Story& story) { expectFailover(story, kThird); };
  for (const Ms handshake : {9900, 10000, 10100}) {
    for (const Ms return_after : {0, 1000, 3000}) {
      for (int connections = 1; connections <= 4; ++connections) {
        eachPhase({.handshake = handshake,
                   .return_after = return_after,
                   .connections = connections,
                   .old_page = true},
                  80 * kSecond, late);
      }
    }
  }
  eachPhase({.backs_off = true, .old_page = true}, 600 * kSecond, late);
}

TEST_F(Phases, SlowServerThatMovesIsLeftAlone) {
  for (int connections = 1; connections <= 4; ++connections) {
    // Slow to connect, and slow to answer; each for less than a hang, together for more.
    eachPhase({.handshake = 8000, .secured = true, .answer_each = 9000, .connections = connections},
              120 * kSecond, expectPeace);
    // It resets now and then, and serves in between.
    eachPhase({.handshake = 2000,
               .secured = true,
               .life = 20000,
               .answer_each = 3000,
               .return_after = 3000,
               .connections = connections},
              300 * kSecond, expectPeace);
  }
}

// Soft mounts, killed jobs: the kernel does not come back. Its silence is no hang for ever, and the
// watchdog's own questions keep none alive.
// What no grid of the tests above holds: any deadlines, pauses and number of connections.
TEST_F(Phases, AnyServerThatIsSilentInTlsIsToldAndOneThatHealsIsLeftAlone) {
  std::mt19937_64 random(20261129);
  const auto any = [&](Ms low, Ms high) {
    return std::uniform_int_distribution<Ms>(low, high)(random);
  };
  for (int i = 0; i < 300 && !HasFailure(); ++i) {
    World world{.phase = any(0, 10 * kSecond),
                .handshake = any(1, 13 * kSecond),
                .return_after = any(0, 1) == 0 ? any(0, 5 * kSecond) : any(0, 300 * kSecond),
                .backs_off = any(0, 2) == 0,
                .connections = static_cast<int>(any(1, 16))};
    {
      SCOPED_TRACE(world.describe());
      expectFailover(Simulation(world).run(700 * kSecond));
    }
    world.heals = any(0, 400 * kSecond);
    SCOPED_TRACE(world.describe());
    const Story story = Simulation(world).run(1200 * kSecond);
    EXPECT_LE(story.hangs, 1);
    EXPECT_EQ(story.over, story.hangs);
    if (world.heals >= kPromise) {
      EXPECT_LE(story.told, kPromise);
    }
  }
}

// Each wait is shorter than a hang: connecting, answering, a reset in between.
TEST_F(Phases, AnyServerThatMovesIsLeftAlone) {
  std::mt19937_64 random(20261130);
  const auto any = [&](Ms low, Ms high) {
    return std::uniform_int_distribution<Ms>(low, high)(random);
  };
  for (int i = 0; i < 300 && !HasFailure(); ++i) {
    World world{.phase = any(0, 10 * kSecond),
                .handshake = any(1, 2400),
                .secured = true,
                .answer_each = any(1, 2400),
                .return_after = any(0, 2400),
                .connections = static_cast<int>(any(1, 16)),
                .old_page = any(0, 3) == 0};
    world.life = any(0, 3) == 0 ? kNever : any(2 * world.answer_each, 60 * kSecond);
    SCOPED_TRACE(world.describe());
    expectPeace(Simulation(world).run(200 * kSecond));
  }
}

TEST_F(Phases, CallsThatWereGivenUpAreForgotten) {
  for (const Ms gives_up : {5000, 15000}) {
    eachPhase({.gives_up = gives_up}, 3600 * kSecond, [](const Story& story) {
      EXPECT_LE(story.hangs, 1);
      EXPECT_EQ(story.over, story.hangs);
    });
  }
}

}  // namespace
}  // namespace efs::watchdog::hang
