#include "timeline.h"

#include <algorithm>

namespace efs::watchdog::simulation {

std::uint64_t Timeline::next() {
  random_ += 0x9E3779B97F4A7C15U;
  std::uint64_t mixed = random_;
  mixed = (mixed ^ (mixed >> 30U)) * 0xBF58476D1CE4E5B9U;
  mixed = (mixed ^ (mixed >> 27U)) * 0x94D049BB133111EBU;
  return mixed ^ (mixed >> 31U);
}

bool Timeline::advance(MonoTime limit) {
  if (events_.empty() || events_.begin()->first > limit) {
    time_ = std::max(time_, limit);
    return false;
  }
  auto first = events_.extract(events_.begin());
  time_ = std::max(time_, first.key());
  first.mapped()();
  return true;
}

}  // namespace efs::watchdog::simulation
