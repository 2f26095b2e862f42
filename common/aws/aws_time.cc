#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <string>

#include "efs/aws/credential_documents.h"
#include "efs/base/text.h"

namespace efs::aws {
namespace {

struct Moment {
  std::int64_t year = 0, month = 0, day = 0;
  std::int64_t hour = 0, minute = 0, second = 0;
};

// Reads from the start of a text; what does not fit is left where it is.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : rest_(text) {}

  bool atEnd() const { return rest_.empty(); }
  std::string_view rest() const { return rest_; }
  void skipBlanks() { rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t"), rest_.size())); }

  bool take(std::string_view word) {
    if (!rest_.starts_with(word)) return false;
    rest_.remove_prefix(word.size());
    return true;
  }
  bool takeAny(std::string_view characters) {
    if (rest_.empty() || characters.find(rest_.front()) == std::string_view::npos) return false;
    rest_.remove_prefix(1);
    return true;
  }
  std::size_t digits() const {
    return std::min(rest_.find_first_not_of("0123456789"), rest_.size());
  }
  std::size_t letters() const {
    return std::min(rest_.find_first_not_of("abcdefghijklmnopqrstuvwxyz"), rest_.size());
  }
  std::string_view takeBytes(std::size_t count) {
    const auto bytes = rest_.substr(0, count);
    rest_.remove_prefix(bytes.size());
    return bytes;
  }
  // A number of `least` to `most` digits; of more digits the first `most` are taken.
  std::optional<std::int64_t> number(std::size_t least, std::size_t most) {
    const std::size_t count = std::min(digits(), most);
    if (count < least) return std::nullopt;
    return parseInt(takeBytes(count));
  }

 private:
  std::string_view rest_;
};

template <typename Value>
bool set(Value& target, const std::optional<Value>& value) {
  if (value) target = *value;
  return value.has_value();
}

// "2026-01-02", "2026/1/2", "20260102".
bool readIsoDate(Cursor& cursor, Moment& moment) {
  if (!set(moment.year, cursor.number(4, 4))) return false;
  const bool dashes = cursor.take("-");
  const bool slashes = !dashes && cursor.take("/");
  const std::size_t least = dashes || slashes ? 1 : 2;
  if (!set(moment.month, cursor.number(least, 2))) return false;
  if ((dashes && !cursor.take("-")) || (slashes && !cursor.take("/"))) return false;
  return set(moment.day, cursor.number(least, 2));
}

std::optional<std::int64_t> monthOf(std::string_view name) {
  constexpr std::array<std::string_view, 12> kMonths{"jan", "feb", "mar", "apr", "may", "jun",
                                                     "jul", "aug", "sep", "oct", "nov", "dec"};
  const auto found = std::find(kMonths.begin(), kMonths.end(), name.substr(0, 3));
  if (name.size() < 3 || found == kMonths.end()) return std::nullopt;
  return found - kMonths.begin() + 1;
}

// RFC 1123 and RFC 850: "Fri, 02 Jan 2026", "Friday, 02-Jan-26", the day of the week may be
// missing.
bool readMailDate(Cursor& cursor, Moment& moment) {
  if (cursor.letters() > 0) {
    cursor.takeBytes(cursor.letters());
    cursor.take(",");
    cursor.skipBlanks();
  }
  if (!set(moment.day, cursor.number(1, 2)) || !cursor.takeAny(" -")) return false;
  cursor.skipBlanks();
  if (!set(moment.month, monthOf(cursor.takeBytes(cursor.letters()))) || !cursor.takeAny(" -")) {
    return false;
  }
  const bool short_year = cursor.digits() == 2;
  if (!set(moment.year, cursor.number(2, 4))) return false;
  if (short_year) moment.year += moment.year < 69 ? 2000 : 1900;  // as in POSIX
  return true;
}

// "03:04:05.5", "030405", "3:4:5", "03:04", "03"; the fraction, behind a point or a comma, is
// dropped.
bool readClock(Cursor& cursor, Moment& moment) {
  if (!set(moment.hour, cursor.number(1, 2))) return false;
  const bool colons = cursor.take(":");
  if (!colons && cursor.digits() == 0) return true;
  const std::size_t least = colons ? 1 : 2;
  if (!set(moment.minute, cursor.number(least, 2))) return false;
  const bool has_seconds = colons ? cursor.take(":") : cursor.digits() >= 2;
  if (!has_seconds) return true;
  if (!set(moment.second, cursor.number(least, 2))) return false;
  if (!cursor.takeAny(".,")) return true;
  const std::size_t fraction = cursor.digits();
  cursor.takeBytes(fraction);
  return fraction > 0;
}

bool isUtc(std::string_view zone) { return zone == "z" || zone == "utc" || zone == "gmt"; }

// Seconds east of UTC of "z", "utc", "gmt", "+hh:mm", "+hhmm", "+hh".
std::optional<std::int64_t> readZone(Cursor& cursor) {
  cursor.skipBlanks();
  if (isUtc(cursor.rest())) return 0;
  const bool west = cursor.rest().starts_with('-');
  if (!cursor.takeAny("+-")) return std::nullopt;
  const auto hours = cursor.number(2, 2);
  const bool colon = cursor.take(":");
  const auto minutes =
      cursor.atEnd() && !colon ? std::optional<std::int64_t>(0) : cursor.number(2, 2);
  if (!hours || !minutes || !cursor.atEnd() || *hours > 23 || *minutes > 59) return std::nullopt;
  const std::int64_t seconds = *hours * 3600 + *minutes * 60;
  return west ? -seconds : seconds;
}

// "Thu Jan  1 03:04:05 UTC 2099", as date(1) writes it.
bool readDateOfShell(Cursor& cursor, Moment& moment) {
  if (monthOf(cursor.takeBytes(cursor.letters()))) return false;  // the day of the week
  cursor.skipBlanks();
  if (!set(moment.month, monthOf(cursor.takeBytes(cursor.letters())))) return false;
  cursor.skipBlanks();
  if (!set(moment.day, cursor.number(1, 2)) || !cursor.takeAny(" ")) return false;
  if (!readClock(cursor, moment) || !cursor.takeAny(" ")) return false;
  if (!isUtc(cursor.takeBytes(cursor.letters())) || !cursor.takeAny(" ")) return false;
  return set(moment.year, cursor.number(4, 4)) && cursor.atEnd();
}

std::optional<WallTime> toWallTime(const Moment& moment, std::int64_t offset) {
  using std::chrono::day, std::chrono::month, std::chrono::year;
  const std::chrono::year_month_day date{year(static_cast<int>(moment.year)),
                                         month(static_cast<unsigned>(moment.month)),
                                         day(static_cast<unsigned>(moment.day))};
  if (!date.ok() || moment.year < 1) return std::nullopt;
  if (moment.hour > 23 || moment.minute > 59 || moment.second > 59) return std::nullopt;
  const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  return clampedTime(days * 86400 + moment.hour * 3600 + moment.minute * 60 + moment.second -
                     offset);
}

}  // namespace

WallTime clampedTime(std::int64_t seconds) {
  // WallTime counts nanoseconds: years after 2261 do not fit.
  constexpr std::int64_t kYear2200 = 7258118400;
  return WallTime(std::chrono::seconds(std::clamp<std::int64_t>(seconds, 0, kYear2200)));
}

std::optional<WallTime> parseAwsTime(std::string_view text) {
  constexpr std::size_t kLongest = 80;
  const std::string lower = toLower(trim(text.substr(0, kLongest)));
  Cursor cursor(lower);
  Moment moment;
  Cursor of_shell(lower);
  if (readDateOfShell(of_shell, moment)) return toWallTime(moment, 0);
  moment = {};
  const bool is_iso = cursor.digits() >= 4;
  if (!(is_iso ? readIsoDate(cursor, moment) : readMailDate(cursor, moment))) return std::nullopt;
  // "20260102030405Z"
  const bool goes_on =
      is_iso && cursor.digits() == 6 && lower.find_first_not_of("0123456789") == 14;
  if (!goes_on && !cursor.takeAny("t \t")) return std::nullopt;
  cursor.skipBlanks();
  if (!readClock(cursor, moment)) return std::nullopt;
  const auto offset = readZone(cursor);
  return offset ? toWallTime(moment, *offset) : std::nullopt;
}

}  // namespace efs::aws
