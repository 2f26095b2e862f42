// Journal: what happened in a run, and the first thing that must not happen. Its last lines are
// printed with the seed of a run that failed.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>

#include "efs/base/clock.h"

namespace efs::watchdog::simulation {

class Journal {
 public:
  explicit Journal(const Clock& clock) : clock_(clock) {}

  void note(const std::string& line);
  // An invariant is broken; the first one counts.
  void violate(const std::string& what);
  const std::optional<std::string>& violation() const { return violation_; }
  std::string lastLines() const;

 private:
  const Clock& clock_;
  std::deque<std::string> lines_;
  std::optional<std::string> violation_;
};

// Rare branches that a run of many seeds must have come through: a run that reached one never
// fails. Counted over all runs of the process.
class Probes {
 public:
  static void reach(const std::string& name) { ++all()[name]; }
  static std::map<std::string, std::uint64_t>& all();
};

}  // namespace efs::watchdog::simulation
