#include "efs/loop/event_loop.h"

#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <optional>
#include <vector>

#include "efs/test_support/fake_clock.h"

namespace efs::loop {
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

// A relay that is requeued may open connections: watches enough of them to move every table of the
// loop, while further requeued watches wait for their turn. Under asan this is a use after free.
TEST_F(EventLoopTest, ARequeuedHandlerMayWatchAsOftenAsItLikes) {
  constexpr int kRequeued = 4;
  constexpr int kMore = 200;
  std::vector<SocketPair> pairs(kRequeued);
  std::vector<SocketPair> more(kMore);
  std::vector<EventLoop::Watch> watches(kRequeued);
  std::vector<EventLoop::Watch> opened;
  std::vector<int> ran(kRequeued);
  for (std::size_t i = 0; i < kRequeued; ++i) {
    watches[i] = std::move(*loop_->watch(pairs[i].ours.get(), EPOLLIN, [&, i](std::uint32_t) {
      ++ran[i];
      for (int n = 0; n < kMore / kRequeued; ++n) {
        opened.push_back(std::move(
            *loop_->watch(more[opened.size()].ours.get(), EPOLLIN, [](std::uint32_t) {})));
      }
      loop_->requeue(watches[i]);  // runs again in the next turn, not in this one
    }));
    loop_->requeue(watches[i]);
  }
  turn();
  EXPECT_EQ(ran, std::vector<int>(kRequeued, 1));
  EXPECT_EQ(opened.size(), static_cast<std::size_t>(kMore));
}

// The same from a handler of the batch and from a timer, while watches are requeued.
TEST_F(EventLoopTest, HandlersAndTimersMayWatchWhileOthersAreRequeued) {
  const SocketPair speaking;
  const SocketPair waiting;
  std::vector<SocketPair> more(300);
  std::vector<EventLoop::Watch> opened;
  const auto open_hundred = [&] {
    for (int n = 0; n < 100; ++n) {
      opened.push_back(
          std::move(*loop_->watch(more[opened.size()].ours.get(), EPOLLIN, [](std::uint32_t) {})));
    }
  };
  int ran = 0;
  auto requeued = std::move(*loop_->watch(waiting.ours.get(), EPOLLIN, [&](std::uint32_t) {
    ++ran;
    open_hundred();
  }));
  const auto first =
      loop_->watch(speaking.ours.get(), EPOLLIN | EPOLLET, [&](std::uint32_t) { open_hundred(); });
  const auto timer = loop_->after(Duration{0}, open_hundred);
  loop_->requeue(requeued);
  speaking.speak();
  turn();
  EXPECT_EQ(ran, 1);
  EXPECT_EQ(opened.size(), 300U);
  requeued.reset();
  turn();
  EXPECT_EQ(ran, 1);
}

TEST_F(EventLoopTest, StopEndsRun) {
  const auto timer = loop_->after(Duration{0}, [&] { loop_->stop(); });
  EXPECT_TRUE(loop_->run());
}

TEST_F(EventLoopTest, WatchingAClosedDescriptorIsAnError) {
  EXPECT_FALSE(loop_->watch(9999, EPOLLIN, [](std::uint32_t) {}));
}

}  // namespace
}  // namespace efs::loop
