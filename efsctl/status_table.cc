#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "efs/base/text.h"
#include "efs/efsctl/status.h"

namespace efs::efsctl {
namespace {

constexpr std::size_t kColumns = 12;
using Row = std::array<std::string, kColumns>;

const Row kHeadings = {"FILE SYSTEM", "ACCESS POINT", "MOUNT POINT", "STATE",
                       "TARGET",      "ZONE",         "TUNNEL",      "TLS",
                       "CERTIFICATE", "RESTARTS",     "OLDEST CALL", "LAST ERROR"};

std::string orDash(const std::string& text) { return text.empty() ? "-" : printable(text, 1000); }

template <typename Number>
std::string orDash(const std::optional<Number>& number) {
  return number ? std::to_string(*number) : "-";
}

// "6 h", "12 min", "expired".
std::string timeLeft(std::optional<WallTime> end, WallTime now) {
  using std::chrono::minutes;
  if (!end) return "-";
  const auto left = std::chrono::duration_cast<minutes>(*end - now).count();
  if (*end <= now) return "expired";
  if (left >= 48 * 60) return std::to_string(left / 1440) + " d";
  return left >= 120 ? std::to_string(left / 60) + " h" : std::to_string(left) + " min";
}

std::string age(std::optional<Duration> time) {
  return time ? fmt::format("{:.1f} s", static_cast<double>(time->count()) / 1000) : "-";
}

Row rowOf(const MountReport& mount, WallTime now) {
  return {orDash(mount.file_system),
          orDash(mount.access_point),
          orDash(mount.mount_point),
          replaceAll(conditionName(mount.condition), "_", " "),
          orDash(mount.mount_target),
          orDash(mount.availability_zone),
          orDash(mount.tunnel_pid),
          mount.tls ? "yes" : "no",
          timeLeft(mount.certificate_ends, now),
          orDash(mount.restarts),
          age(mount.oldest_call),
          orDash(mount.last_error)};
}

void appendRow(std::string& text, const Row& row, const std::array<std::size_t, kColumns>& widths) {
  std::string line;
  for (std::size_t i = 0; i < kColumns; ++i) {
    const bool last = i + 1 == kColumns;
    line += last ? row[i] : fmt::format("{:<{}}  ", row[i], widths[i]);
  }
  text += line + "\n";
}

}  // namespace

std::string statusTable(const StatusReport& report) {
  if (report.mounts.empty()) return "no EFS mounts\n";
  std::vector<Row> rows = {kHeadings};
  for (const auto& mount : report.mounts) rows.push_back(rowOf(mount, report.now));
  std::array<std::size_t, kColumns> widths{};
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < kColumns; ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const auto& row : rows) appendRow(text, row, widths);
  for (const auto& mount : report.mounts) {
    if (mount.problem.empty()) continue;
    text += orDash(mount.mount_point) + ": " + printable(mount.problem, 1000) + "\n";
  }
  if (!report.watchdog_problem.empty()) text += printable(report.watchdog_problem, 1000) + "\n";
  return text;
}

}  // namespace efs::efsctl
