#include "efs/base/clock.h"

#include <array>
#include <ctime>

namespace efs {

std::string utcText(WallTime time, const char* format) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::array<char, 128> text{};
  return {text.data(), std::strftime(text.data(), text.size(), format, &parts)};
}

Duration Deadline::left() const {
  const auto now = clock_->monotonic();
  if (now >= at_) return Duration::zero();
  return std::chrono::ceil<Duration>(at_ - now);
}

}  // namespace efs
