#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "efs/base/text.h"
#include "efs/efsctl/top.h"

namespace efs::efsctl {
namespace {

constexpr std::size_t kGraph = 20;         // the newest of them, where there is room
constexpr std::size_t kWithGraph = 100;    // columns
constexpr std::size_t kNumbersWidth = 56;  // of all columns behind the name
constexpr std::size_t kShortestName = 12;
constexpr double kMega = 1e6;

std::string orDash(const std::optional<std::uint64_t>& number) {
  return number ? std::to_string(*number) : "-";
}

std::string milliseconds(const std::optional<double>& time) {
  if (!time) return "-";
  return *time < 10 ? fmt::format("{:.2f}", *time) : fmt::format("{:.0f}", *time);
}

std::string atMost(const std::optional<double>& time) {
  if (!time) return "-";
  return std::isinf(*time) ? ">4096" : fmt::format("<{:.0f}", *time);
}

// The end of a path tells more than its beginning.
std::string fitted(const std::string& name, std::size_t room) {
  const std::string text = printable(name, 1000);
  return text.size() <= room ? text : "..." + text.substr(text.size() - (room - 3));
}

std::string numbersOf(const TopRow& row) {
  return fmt::format("{:>9.1f} {:>8.2f} {:>7} {:>6} {:>6} {:>5} {:>4} {:>4}", row.calls,
                     row.bytes / kMega, milliseconds(row.mean_ms), atMost(row.p50_ms),
                     atMost(row.p99_ms), orDash(row.resent), orDash(row.reconnects),
                     orDash(row.waiting));
}

std::string headingOf(std::size_t name) {
  return fmt::format("{:<{}}{:>9} {:>8} {:>7} {:>6} {:>6} {:>5} {:>4} {:>4}", "MOUNT POINT", name,
                     "CALLS/S", "MB/S", "MEAN MS", "P50", "P99", "RESNT", "RECO", "WAIT");
}

// Eight heights, the highest is the most that was seen.
std::string graphOf(const std::vector<double>& values) {
  constexpr std::array<std::string_view, 8> kBars = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  if (values.empty()) return {};
  const double most = *std::max_element(values.begin(), values.end());
  std::string text;
  const std::size_t first = values.size() > kGraph ? values.size() - kGraph : 0;
  for (std::size_t i = first; i < values.size(); ++i) {
    const double part = most > 0 ? values[i] / most * 7 : 0;
    text += kBars.at(static_cast<std::size_t>(part));
  }
  return text;
}

const std::vector<double>* historyOf(const TopHistory& history, const std::string& mount_point) {
  const auto found = std::find_if(history.begin(), history.end(),
                                  [&](const auto& entry) { return entry.first == mount_point; });
  return found == history.end() ? nullptr : &found->second;
}

std::string footOf(const TopLook& look) {
  if (look.typing) return "filter: " + printable(look.filter, 40) + "_   (Enter, Esc)";
  std::string foot = fmt::format("q end  s sort: {}  c classes  f filter", topSortName(look.sort));
  if (!look.filter.empty()) foot += ": " + printable(look.filter, 20);
  return foot + (look.paused ? "  space: goes on" : "  space pause");
}

}  // namespace

std::string_view topSortName(TopSort sort) {
  constexpr std::array<std::string_view, 4> kSorts = {"calls", "MB/s", "latency", "name"};
  return kSorts.at(static_cast<std::size_t>(sort));
}

std::string topScreen(const std::vector<TopGroup>& groups, const TopHistory& history,
                      const TopLook& look) {
  const bool graph = look.width >= kWithGraph;
  const std::size_t taken = kNumbersWidth + (graph ? kGraph + 2 : 0);
  const std::size_t name =
      std::max(kShortestName, look.width > taken ? look.width - taken : std::size_t{0});
  std::vector<std::string> lines = {headingOf(name)};
  for (const auto& group : arranged(groups, look)) {
    std::string line = fmt::format("{:<{}}", fitted(group.all.mount_point, name - 1), name);
    if (look.colours && !group.all.well) line = "\033[31m" + line + "\033[0m";
    line += numbersOf(group.all);
    const auto* values = graph ? historyOf(history, group.all.mount_point) : nullptr;
    if (values != nullptr) line += "  " + graphOf(*values);
    lines.push_back(line);
    const bool told = group.all.state != "mounted" && group.all.state != "direct";
    if (told) lines.push_back("  " + replaceAll(group.all.state, "_", " "));
    for (const auto& row : look.classes ? group.classes : std::vector<TopRow>()) {
      lines.push_back(fmt::format("  {:<{}}", row.kind, name - 2) + numbersOf(row));
    }
  }
  if (groups.empty()) lines.emplace_back("no EFS mounts");
  const std::size_t room = look.height > 2 ? look.height - 2 : 1;
  if (lines.size() > room) {
    const std::size_t more = lines.size() - room + 1;
    lines.resize(room - 1);
    lines.push_back(fmt::format("... {} more lines", more));
  }
  std::string text;
  for (const auto& line : lines) text += line + "\n";
  return text + footOf(look);
}

std::string topHeading() {
  return "time mount_point class calls/s MB/s mean_ms p50_ms p99_ms resent reconnects waiting "
         "state\n";
}

std::string topLines(const std::vector<TopGroup>& groups, const std::string& time) {
  const auto line = [&](const TopRow& row) {
    return fmt::format("{} {} {} {:.1f} {:.3f} {} {} {} {} {} {} {}\n", time,
                       replaceAll(printable(row.mount_point, 4096), " ", "\\040"), row.kind,
                       row.calls, row.bytes / kMega, milliseconds(row.mean_ms),
                       milliseconds(row.p50_ms), milliseconds(row.p99_ms), orDash(row.resent),
                       orDash(row.reconnects), orDash(row.waiting), row.state);
  };
  std::string text;
  for (const auto& group : groups) {
    text += line(group.all);
    for (const auto& row : group.classes) text += line(row);
  }
  return text;
}

bool topKey(char key, TopLook& look) {
  constexpr char kEscape = 27;
  constexpr char kBackspace = 127;
  if (look.typing) {
    if (key == '\n' || key == '\r') look.typing = false;
    if (key == kEscape) {
      look.typing = false;
      look.filter.clear();
    }
    if (key == kBackspace && !look.filter.empty()) look.filter.pop_back();
    if (key >= ' ' && key < kBackspace) look.filter += key;
    return true;
  }
  switch (key) {
    case 'q':
      return false;
    case 's':
      look.sort = static_cast<TopSort>((static_cast<int>(look.sort) + 1) % 4);
      return true;
    case 'c':
      look.classes = !look.classes;
      return true;
    case 'f':
      look.typing = true;
      look.filter.clear();
      return true;
    case ' ':
      look.paused = !look.paused;
      return true;
    default:
      return true;
  }
}

}  // namespace efs::efsctl
