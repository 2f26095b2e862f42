// The watchdog's effects under seeded simulation; README.md in this folder.
//   EFS_SEED=<n>                replays one seed
//   EFS_SIMULATION_SECONDS=<n>  how long new seeds are tried; 20 by default
//   EFS_SIMULATION_ALL=1        tells each seed that fails and goes on
//   EFS_SIMULATION_FIRST=<n>    the first of them; by default the time, so that each run tries
//   others
#include <fmt/core.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>

#include "journal.h"
#include "run.h"

namespace efs::watchdog::simulation {
namespace {

std::optional<std::uint64_t> fromEnvironment(const char* name) {
  const char* const text = std::getenv(name);
  if (text == nullptr || *text == '\0') return std::nullopt;
  return std::strtoull(text, nullptr, 10);
}

double secondsToRun() {
  return static_cast<double>(fromEnvironment("EFS_SIMULATION_SECONDS").value_or(20));
}

std::uint64_t firstSeed() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return fromEnvironment("EFS_SIMULATION_FIRST")
      .value_or(static_cast<std::uint64_t>(now / std::chrono::seconds(1)));
}

class Stopwatch {
 public:
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
  }

 private:
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

testing::AssertionResult lives(const Plan& plan) {
  const Outcome outcome = play(plan);
  if (!outcome.violation) return testing::AssertionSuccess();
  return testing::AssertionFailure() << outcome.lines << *outcome.violation;
}

Plan quietLife(std::uint64_t seed) {
  Plan plan;
  plan.seed = seed;
  plan.faults = false;
  plan.makers_die = false;
  plan.mounts = 2;
  plan.stale_once = true;
  return plan;
}

TEST(Simulation, SeedsDoNoHarm) {
  if (const auto seed = fromEnvironment("EFS_SEED")) {
    EXPECT_TRUE(lives(Plan::ofSeed(*seed)));
    return;
  }
  const double limit = secondsToRun();
  std::uint64_t seed = firstSeed();
  const Stopwatch stopwatch;
  double hours = 0;
  int seeds = 0;
  for (; stopwatch.seconds() < limit; ++seeds, ++seed) {
    const Outcome outcome = play(Plan::ofSeed(seed));
    hours += outcome.hours;
    if (!outcome.violation) continue;
    if (fromEnvironment("EFS_SIMULATION_ALL")) {
      fmt::print("seed {}: {}\n", seed, *outcome.violation);
      std::fflush(stdout);
      ADD_FAILURE() << "seed " << seed;
      continue;
    }
    FAIL() << outcome.lines << *outcome.violation << "\nreplay it with EFS_SEED=" << seed;
  }
  fmt::print("{} seeds, {:.0f} simulated hours, {:.0f} simulated hours per second\n", seeds, hours,
             hours / stopwatch.seconds());
}

// The same run again and again, with one death at another place each time. A short run tries some
// of the places, and each run others.
TEST(Simulation, WatchdogMayCrashAtEveryCall) {
  if (fromEnvironment("EFS_SEED")) GTEST_SKIP();
  const Outcome whole = play(quietLife(1));
  ASSERT_FALSE(whole.violation) << whole.lines << *whole.violation;
  const double limit = secondsToRun() / 4;
  const Stopwatch stopwatch;
  const int stride = 97;  // no divisor: all calls come by in the end
  int call = static_cast<int>(firstSeed() % static_cast<std::uint64_t>(whole.calls));
  int tried = 0;
  for (; tried < whole.calls && stopwatch.seconds() < limit; ++tried) {
    Plan plan = quietLife(1);
    plan.crash_at_call = 1 + call;
    plan.makers_die = true;
    ASSERT_TRUE(lives(plan)) << "crash at call " << *plan.crash_at_call;
    call = (call + stride) % whole.calls;
  }
  fmt::print("{} of {} calls tried\n", tried, whole.calls);
}

TEST(Simulation, ChildrenMayDieAtEveryStep) {
  if (fromEnvironment("EFS_SEED")) GTEST_SKIP();
  for (const bool old_kernel : {false, true}) {
    Plan plan = quietLife(2);
    plan.old_kernel = old_kernel;
    const Outcome whole = play(plan);
    ASSERT_FALSE(whole.violation) << whole.lines << *whole.violation;
    const double limit = secondsToRun() / 8;
    const Stopwatch stopwatch;
    const int stride = 31;
    int step = static_cast<int>(firstSeed() % static_cast<std::uint64_t>(whole.steps));
    int tried = 0;
    for (; tried < whole.steps && stopwatch.seconds() < limit; ++tried) {
      plan.kill_at_step = 1 + step;
      plan.makers_die = true;
      ASSERT_TRUE(lives(plan)) << "death at step " << *plan.kill_at_step;
      step = (step + stride) % whole.steps;
    }
    fmt::print("{} of {} steps tried\n", tried, whole.steps);
  }
}

struct Fault {
  const char* name;
  bool PutBack::*flag;
};
constexpr Fault kFaults[] = {
    {"walks into mounts", &PutBack::walks_into_mounts},
    {"shows staging", &PutBack::shows_staging},
    {"path is identity", &PutBack::path_is_identity},
    {"bare when killed", &PutBack::bare_when_killed},
    {"thread blinds", &PutBack::thread_blinds},
    {"foreign credentials", &PutBack::foreign_credentials},
    {"pages forget", &PutBack::pages_forget},
    {"forgets listeners", &PutBack::forgets_listeners},
    {"trusts pids", &PutBack::trusts_pids},
    {"says unmounted", &PutBack::says_unmounted},
};

// How good the simulation is: each fault of former versions is found, in few seeds.
TEST(Simulation, FindsFormerFaults) {
  if (fromEnvironment("EFS_SEED")) GTEST_SKIP();
  constexpr std::uint64_t kMostSeeds = 400;
  for (const Fault& fault : kFaults) {
    std::uint64_t seed = 1;
    std::optional<std::string> found;
    for (; !found && seed <= kMostSeeds; ++seed) {
      Plan plan = Plan::ofSeed(seed);
      plan.put_back.*fault.flag = true;
      found = play(plan).violation;
    }
    EXPECT_TRUE(found) << fault.name << " is not found";
    fmt::print("{:20} {:4} seeds  {}\n", fault.name, seed - 1, found.value_or("-"));
  }
}

// Last: it looks at what all runs of this process came through.
TEST(Simulation, RareBranchesWereReached) {
  if (fromEnvironment("EFS_SEED")) GTEST_SKIP();
  for (const auto& [name, count] : Probes::all()) fmt::print("{:8}  {}\n", count, name);
  for (const char* name :
       {"process killed at a step", "watchdog crashed at a call",
        "removal found a mount in its way", "an NFS client went without its server's word",
        "a pid was somebody else's", "a hang was told", "a tunnel went home", "a remount began",
        "a dead mount was detached", "a new mount was put beneath the old one",
        "a staged mount was cleared", "a child waited in the kernel"}) {
    EXPECT_GT(Probes::all()[name], 0U) << name;
  }
}

}  // namespace
}  // namespace efs::watchdog::simulation
