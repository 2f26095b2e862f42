// The bench of the decide_*_test.cc.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string_view>
#include <vector>

#include "judge/decide.h"

namespace efs::watchdog {

// One mount and a clock moved by hand; keeps Progress between calls as the watchdog does.
class Bench {
 public:
  Bench() {
    seen.now = MonoTime(std::chrono::hours(1));
    seen.age = std::chrono::minutes(10);
    seen.tunnel_alive = true;
    seen.mounted = Seen::kYes;
    seen.kernel_client = Seen::kNo;
    seen.connected = Seen::kNo;
  }
  std::vector<Action> step(Duration later = Duration(0)) {
    seen.now += later;
    last = decide(seen, last.progress, policy);
    expectReasons(last);
    return last.actions;
  }
  // One for each action, then one for each remedy.
  static void expectReasons(const Decision& decision) {
    std::vector<std::string_view> done;
    for (const Action action : decision.actions) done.push_back(nameOf(action));
    for (const Remedy remedy : decision.remedies) done.push_back(nameOf(remedy));
    ASSERT_EQ(decision.because.size(), done.size());
    for (std::size_t i = 0; i < done.size(); ++i) {
      EXPECT_EQ(decision.because[i].what, done[i]);
      EXPECT_FALSE(decision.because[i].why.empty());
    }
  }
  // The mount was there once and is gone now.
  void unmount() {
    step();
    seen.mounted = Seen::kNo;
  }
  Observation seen;
  Policy policy;
  Decision last;
};

}  // namespace efs::watchdog
