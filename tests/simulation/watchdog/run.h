// Run: one host from its first mount to its last unmount, by a plan.
#pragma once

#include <optional>
#include <string>

#include "plan.h"

namespace efs::watchdog::simulation {

struct Outcome {
  std::optional<std::string> violation;
  std::string lines;  // the last ones before it
  double hours = 0;   // simulated
  int calls = 0;      // of the watchdog's tools
  int steps = 0;      // of children and helpers
};

Outcome play(const Plan& plan);

}  // namespace efs::watchdog::simulation
