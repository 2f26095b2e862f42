// The watchdog's effects under seeded simulation; README.md in this folder. The seeds are fixed:
// the same ones in every run.
//   EFS_SEED=<n>              replays one seed
//   EFS_SIMULATION_SIZE=<n>   60 seeds for each, and more of everything else; 1 by default
//   EFS_SIMULATION_FIRST=<n>  the first seed; 1 by default
//   EFS_SIMULATION_ALL=1      tells each seed that fails and goes on
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

int size() { return static_cast<int>(fromEnvironment("EFS_SIMULATION_SIZE").value_or(1)); }

std::uint64_t firstSeed() { return fromEnvironment("EFS_SIMULATION_FIRST").value_or(1); }

constexpr int kSeeds = 60;
constexpr int kWholeSize = 2;  // from here on what needs many seeds is asked for, too

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
  plan.mounts = 2;
  plan.stale_once = true;
  return plan;
}

TEST(Simulation, SeedsDoNoHarm) {
  if (const auto seed = fromEnvironment("EFS_SEED")) {
    EXPECT_TRUE(lives(Plan::ofSeed(*seed)));
    return;
  }
  const std::uint64_t first = firstSeed();
  const auto seeds = static_cast<std::uint64_t>(kSeeds * size());
  const Stopwatch stopwatch;
  double hours = 0;
  for (std::uint64_t seed = first; seed < first + seeds; ++seed) {
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

// The same run again and again, with one death at another place each time.
void dieAt(Plan plan, std::optional<int> Plan::*place, int places, int tries) {
  const int stride = std::max(1, places / tries);
  for (int at = 1; at <= places; at += stride) {
    plan.*place = at;
    ASSERT_TRUE(lives(plan)) << "at " << at << " of " << places;
  }
}

TEST(Simulation, WatchdogMayCrashAtEveryCall) {
  if (fromEnvironment("EFS_SEED")) GTEST_SKIP();
  const Outcome whole = play(quietLife(1));
  ASSERT_FALSE(whole.violation) << whole.lines << *whole.violation;
  dieAt(quietLife(1), &Plan::crash_at_call, whole.calls, 20 * size());
}

TEST(Simulation, ChildrenMayDieAtEveryStep) {
  if (fromEnvironment("EFS_SEED")) GTEST_SKIP();
  for (const bool old_kernel : {false, true}) {
    Plan plan = quietLife(2);
    plan.old_kernel = old_kernel;
    const Outcome whole = play(plan);
    ASSERT_FALSE(whole.violation) << whole.lines << *whole.violation;
    dieAt(plan, &Plan::kill_at_step, whole.steps, 10 * size());
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
  if (fromEnvironment("EFS_SEED") || size() < kWholeSize) GTEST_SKIP();
  constexpr std::uint64_t kMost = 300;
  for (const Fault& fault : kFaults) {
    std::uint64_t seed = 1;
    std::optional<std::string> found;
    for (; !found && seed <= kMost; ++seed) {
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
  if (fromEnvironment("EFS_SEED") || size() < kWholeSize) GTEST_SKIP();
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
