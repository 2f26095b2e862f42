#include "efs/io/event_loop.h"

#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <optional>
#include <vector>

#include "efs/test_support/fake_clock.h"

namespace efs::io {
namespace {

class EventLoopTest : public testing::Test {
 protected:
  void turn() { ASSERT_TRUE(loop_->runOnce(Duration{0})); }

  test_support::FakeClock clock_;
  std::unique_ptr<EventLoop> loop_ = std::move(*EventLoop::create(clock_));
};

TEST_F(EventLoopTest, TimersRunInOrderOfTimeAndOnlyOnce) {
  std::vector<int> ran;
  const auto late = loop_->after(Duration{20}, [&] { ran.push_back(20); });
  const auto early = loop_->after(Duration{10}, [&] { ran.push_back(10); });
  turn();
  EXPECT_TRUE(ran.empty());
  clock_.advance(Duration{10});
  turn();
  EXPECT_EQ(ran, std::vector<int>({10}));
  EXPECT_FALSE(early.armed());
  EXPECT_TRUE(late.armed());
  clock_.advance(Duration{100});
  turn();
  turn();
  EXPECT_EQ(ran, std::vector<int>({10, 20}));
}

TEST_F(EventLoopTest, DeadTimerDoesNotRunAlsoWhenAnotherOneKillsItInTheSameTurn) {
  std::optional<EventLoop::Timer> second;
  const auto first = loop_->after(Duration{1}, [&] { second.reset(); });
  bool ran = false;
  second = loop_->after(Duration{1}, [&] { ran = true; });
  clock_.advance(Duration{5});
  turn();
  EXPECT_FALSE(ran);
}

TEST_F(EventLoopTest, TimerMadeByATimerWaitsForTheNextTurn) {
  int count = 0;
  EventLoop::Timer timer;
  const std::function<void()> again = [&] {
    ++count;
    timer = loop_->after(Duration{0}, [&] { again(); });
  };
  timer = loop_->after(Duration{0}, again);
  turn();
  EXPECT_EQ(count, 1) << "a timer of no delay must not keep the loop from its descriptors";
  turn();
  EXPECT_EQ(count, 2);
}

struct SocketPair {
  SocketPair() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()), 0);
    ours.reset(ends[0]);
    theirs.reset(ends[1]);
  }
  void speak() const { EXPECT_EQ(::write(theirs.get(), "x", 1), 1); }
  UniqueFd ours, theirs;
};

TEST_F(EventLoopTest, ReportsReadableDescriptors) {
  const SocketPair pair;
  std::uint32_t seen = 0;
  const auto watch = loop_->watch(pair.ours.get(), EPOLLIN, [&](std::uint32_t e) { seen = e; });
  ASSERT_TRUE(watch);
  turn();
  EXPECT_EQ(seen, 0U);
  pair.speak();
  turn();
  EXPECT_EQ(seen, static_cast<std::uint32_t>(EPOLLIN));
}

// Both descriptors are ready in one batch; whichever handler runs first ends the other's watch.
TEST_F(EventLoopTest, HandlerWhoseWatchEndedInTheSameBatchDoesNotRun) {
  const SocketPair a;
  const SocketPair b;
  EventLoop::Watch watch_a;
  EventLoop::Watch watch_b;
  int ran = 0;
  watch_a = std::move(*loop_->watch(a.ours.get(), EPOLLIN, [&](std::uint32_t) {
    ++ran;
    watch_b.reset();
  }));
  watch_b = std::move(*loop_->watch(b.ours.get(), EPOLLIN, [&](std::uint32_t) {
    ++ran;
    watch_a.reset();
  }));
  a.speak();
  b.speak();
  turn();
  EXPECT_EQ(ran, 1);
}

// The slot of the ended watch is taken by a new one before the batch goes on.
TEST_F(EventLoopTest, OldEventDoesNotReachANewWatchInTheSameSlot) {
  const SocketPair a;
  const SocketPair b;
  const SocketPair c;
  EventLoop::Watch first;
  EventLoop::Watch second;
  EventLoop::Watch fresh;
  bool wrong = false;
  const auto replace = [&](EventLoop::Watch& other) {
    other.reset();
    fresh = std::move(*loop_->watch(c.ours.get(), EPOLLIN, [&](std::uint32_t) { wrong = true; }));
  };
  first = std::move(*loop_->watch(a.ours.get(), EPOLLIN, [&](std::uint32_t) { replace(second); }));
  second = std::move(*loop_->watch(b.ours.get(), EPOLLIN, [&](std::uint32_t) { replace(first); }));
  a.speak();
  b.speak();
  turn();
  EXPECT_FALSE(wrong);
}

TEST_F(EventLoopTest, HandlerMayEndItsOwnWatch) {
  const SocketPair pair;
  int ran = 0;
  EventLoop::Watch watch;
  watch = std::move(*loop_->watch(pair.ours.get(), EPOLLIN, [&](std::uint32_t) {
    watch.reset();
    ++ran;
  }));
  pair.speak();
  turn();
  turn();
  EXPECT_EQ(ran, 1);
  EXPECT_FALSE(watch.active());
}

TEST_F(EventLoopTest, RequeuedWatchRunsInTheNextTurnWithoutAnEvent) {
  const SocketPair pair;
  std::vector<std::uint32_t> seen;
  EventLoop::Watch watch;
  watch = std::move(*loop_->watch(pair.ours.get(), EPOLLIN | EPOLLET, [&](std::uint32_t events) {
    seen.push_back(events);
    if (seen.size() < 3) loop_->requeue(watch);
  }));
  pair.speak();
  for (int i = 0; i < 5; ++i) turn();
  EXPECT_EQ(seen, std::vector<std::uint32_t>({EPOLLIN, 0, 0}));
}

TEST_F(EventLoopTest, StopEndsRun) {
  const auto timer = loop_->after(Duration{0}, [&] { loop_->stop(); });
  EXPECT_TRUE(loop_->run());
}

TEST_F(EventLoopTest, WatchingAClosedDescriptorIsAnError) {
  EXPECT_FALSE(loop_->watch(9999, EPOLLIN, [](std::uint32_t) {}));
}

}  // namespace
}  // namespace efs::io
