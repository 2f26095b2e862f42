#include <ctime>

#include "efs/aws/credential_documents.h"
#include "efs/base/text.h"

namespace efs::aws {
namespace {

// ".5", ".123456": WallTime is used to the second only.
bool dropFraction(std::string_view& rest) {
  if (!rest.starts_with('.')) return true;
  const auto end = std::min(rest.find_first_not_of("0123456789", 1), rest.size());
  if (end == 1) return false;
  rest.remove_prefix(end);
  return true;
}

// Seconds east of UTC for "+hh:mm", "-hh:mm", "Z", "UTC".
std::optional<std::int64_t> offsetOf(std::string_view zone) {
  if (zone == "Z" || zone == "UTC") return 0;
  if (zone.size() != 6 || (zone[0] != '+' && zone[0] != '-') || zone[3] != ':') return std::nullopt;
  const auto hours = parseInt(zone.substr(1, 2));
  const auto minutes = parseInt(zone.substr(4, 2));
  const bool good =
      hours && minutes && *hours >= 0 && *hours <= 14 && *minutes >= 0 && *minutes <= 59;
  if (!good) return std::nullopt;
  const std::int64_t seconds = *hours * 3600 + *minutes * 60;
  return zone[0] == '-' ? -seconds : seconds;
}

}  // namespace

std::optional<WallTime> parseAwsTime(std::string_view text) {
  std::tm parts{};
  const std::string copy(text.substr(0, 64));
  const char* end = strptime(copy.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
  if (end == nullptr) return std::nullopt;
  std::string_view rest(end);
  if (!dropFraction(rest)) return std::nullopt;
  const auto offset = offsetOf(rest);
  // WallTime counts nanoseconds: years before 1678 and after 2261 do not fit.
  constexpr int kFirstYear = 1970 - 1900;
  constexpr int kLastYear = 2200 - 1900;
  if (!offset || parts.tm_year < kFirstYear || parts.tm_year > kLastYear) return std::nullopt;
  return std::chrono::system_clock::from_time_t(timegm(&parts) - *offset);
}

}  // namespace efs::aws
