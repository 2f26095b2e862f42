// efsctl explain: a mount's options and the facts of this host -> what would be done, where each
// value came from, and what the watchdog would do then. Nothing is mounted, written or started.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "efs/base/clock.h"
#include "efs/base/result.h"
#include "efs/settings/settings.h"

namespace efs::efsctl {

struct ExplainOptions {
  bool help = false;
  bool json = false;
  std::string device;
  std::string mountpoint;
  std::string options;                         // words of -o
  FileSystemKind kind = FileSystemKind::kEfs;  // -t
  std::string config;                          // empty: the one that mount.<type> reads
};
// Words after "explain": kInvalidInput for an unknown option, or without device or mount point.
Result<ExplainOptions> parseExplainOptions(const std::vector<std::string>& words);

// One line of the answer.
struct ExplainRow {
  std::string name;
  std::string value;
  std::string from;  // where the value came from, or what it means
};
struct ExplainSection {
  std::string title;
  std::vector<ExplainRow> rows;
};

// What the watchdog would do in one state of things: played with its own decide().
struct WatchdogStep {
  std::vector<Duration> at;  // since the state began; the first four times
  bool again = false;        // and more often
  std::string what;
  std::string why;
};
struct WatchdogStory {
  std::string state;
  std::vector<WatchdogStep> steps;
};
// `tls`: there is a certificate to be renewed.
std::vector<WatchdogStory> watchdogStories(const settings::Settings& settings, bool tls);

struct Explanation {
  std::vector<ExplainSection> sections;
  std::vector<WatchdogStory> watchdog;
  std::optional<Error> missing;  // the fact that could not be found out: no plan without it
};
// Asks DNS, the metadata service and the sources of credentials as a mount does. The error: what is
// asked for is refused as it stands, in the words of mount.efs.
Result<Explanation> explainMount(const ExplainOptions& options, const Clock& clock);

std::string explainText(const Explanation& explanation);
std::string explainJson(const Explanation& explanation);
std::string explainHelp();
// The subcommand: its words, its exit code.
int runExplain(const std::vector<std::string>& words);

}  // namespace efs::efsctl
