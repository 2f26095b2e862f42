#include "request/persistence.h"

#include <algorithm>

#include "efs/base/text.h"

namespace efs::mount_helper {
namespace {

constexpr std::int64_t kForegroundMinutes = 2;
constexpr std::int64_t kMostMinutes = 10000;
constexpr Duration kFirstPause{1000};
constexpr Duration kLongestPause{30000};

// The last of the two words decides, as with every other option.
bool wantsBackground(const mounts::OptionList& options) {
  bool background = false;
  for (const auto& [key, value] : options.all()) {
    if (key == "bg" || key == "fg") background = key == "bg";
  }
  return background;
}

}  // namespace

Persistence Persistence::fromOptions(const mounts::OptionList& options) {
  Persistence wish;
  wish.background = wantsBackground(options);
  const auto given = parseInt(options.value("retry").value_or(""));
  const bool valid = given && *given >= 0 && *given <= kMostMinutes;
  const std::int64_t usual = wish.background ? kMostMinutes : kForegroundMinutes;
  wish.limit = std::chrono::minutes(valid ? *given : usual);
  wish.repeats = wish.limit > Duration(0) && (wish.background || valid);
  return wish;
}

bool mayPassByItself(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kTimeout:
    case ErrorKind::kRefused:
    case ErrorKind::kUnreachable:
    case ErrorKind::kReset:
      return true;
    default:
      return false;
  }
}

Duration pauseBefore(int attempt, double chance) {
  const int doublings = std::clamp(attempt - 2, 0, 10);
  const Duration plain = std::min(kLongestPause, kFirstPause * (1L << doublings));
  const double factor = 0.8 + 0.4 * std::clamp(chance, 0.0, 1.0);
  return Duration(static_cast<Duration::rep>(static_cast<double>(plain.count()) * factor));
}

}  // namespace efs::mount_helper
