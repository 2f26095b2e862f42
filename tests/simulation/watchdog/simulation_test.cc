// The watchdog's effects under seeded simulation; README.md in this folder.
//   EFS_SEED=<n>                replays one seed
//   EFS_SIMULATION_SECONDS=<n>  how long new seeds are tried; 20 by default
//   EFS_SIMULATION_FIRST=<n>    the first of them; by default the time, so that each run tries others
#include <fmt/core.h>
#include <gtest/gtest.h>

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
  return testing::AssertionFailure() << outcome.lines << *outcome.violation
                                     << "\nreplay it with EFS_SEED=" << plan.seed;
}

TEST(Simulation, SeedsLiveWithoutHarm) {
  if (const auto seed = fromEnvironment("EFS_SEED")) {
    EXPECT_TRUE(lives(Plan::ofSeed(*seed)));
    return;
  }
  const double limit =
      static_cast<double>(fromEnvironment("EFS_SIMULATION_SECONDS").value_or(20));
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  std::uint64_t seed = fromEnvironment("EFS_SIMULATION_FIRST")
                           .value_or(static_cast<std::uint64_t>(now / std::chrono::seconds(1)));
  const Stopwatch stopwatch;
  double hours = 0;
  int seeds = 0;
  for (; stopwatch.seconds() < limit; ++seeds, ++seed) {
    const Plan plan = Plan::ofSeed(seed);
    const Outcome outcome = play(plan);
    hours += outcome.hours;
    ASSERT_FALSE(outcome.violation) << outcome.lines << *outcome.violation
                                    << "\nreplay it with EFS_SEED=" << seed;
  }
  fmt::print("{} seeds, {:.0f} simulated hours, {:.0f} simulated hours per second\n", seeds, hours,
             hours / stopwatch.seconds());
}

}  // namespace
}  // namespace efs::watchdog::simulation
