#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <vector>

#include "efs/base/text.h"
#include "efs/efsctl/status.h"

namespace efs::efsctl {
namespace {

using Row = std::vector<std::string>;

const Row kWide = {"FILE SYSTEM", "ACCESS POINT", "MOUNT POINT", "STATE",
                   "TARGET",      "ZONE",         "TUNNEL",      "TLS",
                   "CERTIFICATE", "RESTARTS",     "OLDEST CALL", "LAST ERROR"};
const Row kNarrow = {"MOUNT POINT", "FILE SYSTEM", "STATE",    "ZONE",
                     "TUNNEL",      "CERT",        "RESTARTS", "CALL"};
constexpr std::size_t kNarrowState = 2;  // columns
constexpr std::size_t kWideState = 3;
constexpr std::size_t kShortestPath = 11;

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
  if (left >= 2880) return std::to_string(left / 1440) + " d";
  return left >= 120 ? std::to_string(left / 60) + " h" : std::to_string(left) + " min";
}

std::string age(std::optional<Duration> time) {
  return time ? fmt::format("{:.1f} s", static_cast<double>(time->count()) / 1000) : "-";
}

std::string stateOf(const MountReport& mount) {
  return replaceAll(conditionName(mount.condition), "_", " ");
}

Row wideRow(const MountReport& mount, WallTime now) {
  return {orDash(mount.file_system),
          orDash(mount.access_point),
          orDash(mount.mount_point),
          stateOf(mount),
          orDash(mount.mount_target),
          orDash(mount.availability_zone),
          orDash(mount.tunnel_pid),
          mount.tls ? "yes" : "no",
          timeLeft(mount.certificate_ends, now),
          orDash(mount.restarts),
          age(mount.oldest_call),
          orDash(mount.last_error)};
}

Row narrowRow(const MountReport& mount, WallTime now) {
  return {orDash(mount.mount_point),
          orDash(mount.file_system),
          stateOf(mount),
          orDash(mount.availability_zone),
          orDash(mount.tunnel_pid),
          timeLeft(mount.certificate_ends, now),
          orDash(mount.restarts),
          age(mount.oldest_call)};
}

std::vector<std::size_t> widthsOf(const std::vector<Row>& rows) {
  std::vector<std::size_t> widths(rows.front().size(), 0);
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  return widths;
}

// The end of a path tells more than its beginning.
void fitPaths(std::vector<Row>& rows, std::size_t width) {
  const auto widths = widthsOf(rows);
  const std::size_t total = std::accumulate(widths.begin(), widths.end(), 2 * (widths.size() - 1));
  if (total <= width) return;
  const std::size_t others = total - widths.front();
  const std::size_t room =
      std::max(kShortestPath, width > others ? width - others : std::size_t{0});
  for (auto& row : rows) {
    std::string& path = row.front();
    if (path.size() > room) path = "..." + path.substr(path.size() - (room - 3));
  }
}

std::string coloured(const std::string& text, const MountReport& mount) {
  const char* colour = "\033[32m";
  if (!mount.problem.empty()) colour = "\033[31m";
  const bool settled = mount.condition == MountCondition::kMounted ||
                       mount.condition == MountCondition::kForeignNamespace ||
                       mount.condition == MountCondition::kDirect;
  if (mount.problem.empty() && !settled) colour = "\033[33m";
  return colour + text + "\033[0m";
}

// `mount`: null for the headings.
std::string lineOf(const Row& row, const std::vector<std::size_t>& widths, const TableLook& look,
                   const MountReport* mount) {
  std::string line;
  const std::size_t state = look.wide ? kWideState : kNarrowState;
  for (std::size_t i = 0; i < row.size(); ++i) {
    const bool last = i + 1 == row.size();
    const std::string cell = last ? row[i] : fmt::format("{:<{}}", row[i], widths[i]);
    line += look.colours && mount != nullptr && i == state ? coloured(cell, *mount) : cell;
    if (!last) line += "  ";
  }
  return line + "\n";
}

}  // namespace

std::string statusTable(const StatusReport& report, const TableLook& look) {
  const std::string watchdog =
      report.watchdog_problem.empty() ? "" : printable(report.watchdog_problem, 1000) + "\n";
  if (report.mounts.empty()) return "no EFS mounts\n" + watchdog;
  std::vector<Row> rows = {look.wide ? kWide : kNarrow};
  for (const auto& mount : report.mounts) {
    rows.push_back(look.wide ? wideRow(mount, report.now) : narrowRow(mount, report.now));
  }
  if (!look.wide) fitPaths(rows, look.width);
  const auto widths = widthsOf(rows);
  std::string text = lineOf(rows.front(), widths, look, nullptr);
  for (std::size_t i = 0; i < report.mounts.size(); ++i) {
    text += lineOf(rows[i + 1], widths, look, &report.mounts[i]);
  }
  for (const auto& mount : report.mounts) {
    const std::string where = orDash(mount.mount_point) + ": ";
    if (!mount.problem.empty()) text += where + printable(mount.problem, 1000) + "\n";
    // The wide form has a column for it.
    const bool told = look.wide || mount.problem.find(mount.last_error) != std::string::npos;
    if (!told) text += where + printable(mount.last_error, 1000) + "\n";
  }
  return text + watchdog;
}

}  // namespace efs::efsctl
