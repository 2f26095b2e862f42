#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "efs/base/interrupt.h"
#include "efs/base/text.h"
#include "efs/base/wait.h"
#include "efs/efsctl/efsctl.h"
#include "efs/efsctl/top.h"
#include "top/terminal.h"

namespace efs::efsctl {
namespace {

constexpr std::size_t kRemembered = 60;

int fail(const Error& error) {
  std::fprintf(stderr, "efsctl: %s\n", error.describe().c_str());
  return kFailed;
}

Result<TopSample> look(const TopOptions& options, const Clock& clock) {
  EFS_TRY(facts, gatherStatus(options.status, clock));
  StatusReport report = judgeStatus(facts);
  if (!options.status.only.empty()) keepOnly(report, canonicalName(options.status.only));
  // A kernel without an NFS client has no such file: the tunnels tell what they know.
  const auto stats = mounts::readNfsStats(options.mountstats, mounts::NfsDetail::kOperations);
  return topSample(facts, report, stats ? *stats : std::vector<mounts::NfsStats>());
}

void remember(TopHistory& history, const std::vector<TopGroup>& groups) {
  for (const auto& group : groups) {
    auto found = std::find_if(history.begin(), history.end(), [&](const auto& entry) {
      return entry.first == group.all.mount_point;
    });
    if (found == history.end()) {
      history.emplace_back(group.all.mount_point, std::vector<double>());
      found = history.end() - 1;
    }
    auto& values = found->second;
    values.push_back(group.all.bytes);
    if (values.size() > kRemembered) values.erase(values.begin());
  }
}

// Whether it is to go on after these keys.
bool takeKeys(TopLook& how) {
  for (char key = Terminal::key(); key != 0; key = Terminal::key()) {
    if (!topKey(key, how)) return false;
  }
  return true;
}

int showScreens(const TopOptions& options, const Clock& clock) {
  auto terminal = Terminal::open();
  if (!terminal) return fail(terminal.error());
  TopLook how;
  how.colours = onTerminal();
  auto before = look(options, clock);
  if (!before) return fail(before.error());
  std::vector<TopGroup> groups;
  TopHistory history;
  for (int shown = 0; !options.count || shown < *options.count; ++shown) {
    const Deadline next(clock, options.interval);
    while (!next.passed()) {
      const auto size = Terminal::size();
      how.width = size.columns;
      how.height = size.lines;
      if (!Terminal::draw(topScreen(groups, history, how))) return kFailed;
      const auto key = waitReady(STDIN_FILENO, POLLIN, next);
      if (!key || !takeKeys(how)) return kHealthy;
    }
    if (how.paused) continue;
    auto now = look(options, clock);
    if (!now) return fail(now.error());
    groups = topGroups(*before, *now);
    remember(history, groups);
    before = std::move(now);
  }
  return kHealthy;
}

int showLines(const TopOptions& options, const Clock& clock) {
  auto before = look(options, clock);
  if (!before) return fail(before.error());
  if (!printOut(topHeading())) return kFailed;
  for (int shown = 0; !options.count || shown < *options.count; ++shown) {
    if (!sleepFor(options.interval)) return kHealthy;
    auto now = look(options, clock);
    if (!now) return fail(now.error());
    const std::string time = utcText(clock.now(), "%H:%M:%S");
    if (!printOut(topLines(arranged(topGroups(*before, *now), {}), time))) return kFailed;
    before = std::move(now);
  }
  return kHealthy;
}

Status takeNumber(const std::string& word, const std::string& text, TopOptions& options) {
  const auto number = parseInt(text);
  if (!number || *number < 1 || *number > 86400) {
    return Error(ErrorKind::kInvalidInput, word + " needs a number from 1 to 86400");
  }
  if (word == "-d") options.interval = std::chrono::seconds(*number);
  if (word == "-n") options.count = static_cast<int>(*number);
  return {};
}

}  // namespace

std::string topHelp() {
  return "usage: efsctl top [-d SECONDS] [-n COUNT] [<file system id> | <mount point>]\n"
         "\n"
         "What each EFS mount and kind of NFS operation does now: calls and megabytes each second, "
         "how\n"
         "long answers take, what was sent again. Never touches a mount. Needs root. On a terminal "
         "a\n"
         "screen with keys; else lines.\n"
         "\n"
         "  -d SECONDS         between two looks, 2 without it\n"
         "  -n COUNT           so many looks, then the end\n"
         "  --state-dir DIR    another state directory than /var/run/efs\n"
         "  --mountinfo FILE   a file instead of the kernel's mount table\n"
         "  --mountstats FILE  a file instead of the NFS client's counters\n"
         "\n"
         "Keys: q end, s sort by the next of MB/s, latency, name, calls; c classes or mounts "
         "alone, "
         "f\n"
         "filter, space pause.\n"
         "\n"
         "Exit code: 0, also where a mount is degraded; 2 usage or error.\n";
}

Result<TopOptions> parseTopOptions(const std::vector<std::string>& words) {
  TopOptions options;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (word == "-h" || word == "--help") {
      options.help = true;
      return options;
    }
    const bool number = word == "-d" || word == "-n";
    std::string* path = word == "--state-dir"    ? &options.status.state_dir
                        : word == "--mountinfo"  ? &options.status.mountinfo
                        : word == "--mountstats" ? &options.mountstats
                                                 : nullptr;
    if ((number || path != nullptr) && i + 1 == words.size()) {
      return Error(ErrorKind::kInvalidInput, word + " needs a value");
    }
    if (number) {
      EFS_CHECK(takeNumber(word, words[++i], options));
    } else if (path != nullptr) {
      *path = words[++i];
    } else if (word.empty() || word.front() == '-') {
      return Error(ErrorKind::kInvalidInput, "unknown option " + printable(word));
    } else if (!options.status.only.empty()) {
      return Error(ErrorKind::kInvalidInput, "more than one file system or mount point");
    } else {
      options.status.only = word;
    }
  }
  return options;
}

int runTop(const std::vector<std::string>& words) {
  const auto options = parseTopOptions(words);
  if (!options) {
    (void)fail(options.error());
    std::fputs(topHelp().c_str(), stderr);
    return kFailed;
  }
  if (options->help) {
    std::fputs(topHelp().c_str(), stdout);
    return kHealthy;
  }
  if (::geteuid() != 0) {
    return fail({ErrorKind::kPermission, "only root can see the state of the mounts"});
  }
  catchInterrupts();
  const SystemClock clock;
  return Terminal::present() ? showScreens(*options, clock) : showLines(*options, clock);
}

}  // namespace efs::efsctl
