#include "journal.h"

#include <fmt/core.h>

#include <cstdlib>

namespace efs::watchdog::simulation {
namespace {

std::size_t keptLines() {
  const char* const wanted = std::getenv("EFS_SIMULATION_LINES");
  return wanted != nullptr ? static_cast<std::size_t>(std::atol(wanted)) : 120;
}

}  // namespace

void Journal::note(const std::string& line) {
  static const std::size_t kept = keptLines();
  const auto time = std::chrono::duration<double>(clock_.monotonic().time_since_epoch()).count();
  lines_.push_back(fmt::format("{:12.3f}  {}", time, line));
  if (lines_.size() > kept) lines_.pop_front();
}

void Journal::violate(const std::string& what) {
  if (violation_) return;
  note("VIOLATION: " + what);
  violation_ = what;
}

std::string Journal::lastLines() const {
  std::string text;
  for (const auto& line : lines_) text += line + "\n";
  return text;
}

std::map<std::string, std::uint64_t>& Probes::all() {
  static std::map<std::string, std::uint64_t> counts;
  return counts;
}

}  // namespace efs::watchdog::simulation
