#include "efs/efsctl/efsctl.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>

#include "efs/base/environment.h"
#include "efs/base/files.h"
#include "efs/base/nearest_word.h"
#include "efs/base/text.h"
#include "efs/base/version.h"
#include "efs/efsctl/config.h"
#include "efs/efsctl/doctor.h"
#include "efs/efsctl/explain.h"
#include "efs/efsctl/metrics.h"
#include "efs/efsctl/status.h"
#include "efs/efsctl/top.h"

namespace efs::efsctl {
namespace {

struct Command {
  const char* name;
  const char* purpose;
  int (*run)(const std::vector<std::string>& words);
};
constexpr std::array<Command, 6> kCommands = {{
    {"doctor", "why a mount fails or hangs, and what to do", runDoctor},
    {"explain", "what a mount would do, and why", runExplain},
    {"metrics", "numbers for Prometheus", runMetrics},
    {"status", "what is mounted, and how well it is", runStatus},
    {"top", "what each mount does now, as numbers each two seconds", runTop},
    {"config", "every key of the configuration, its value, and where that stands", runConfig},
}};

std::string usage() {
  std::string text =
      "usage: efsctl <command> [options]\n"
      "       efsctl --version | -h | --help\n"
      "\n"
      "Looks after Amazon EFS mounts. `efsctl <command> --help` explains one command.\n"
      "\n";
  for (const auto& command : kCommands) {
    text += fmt::format("  {:<9}{}\n", command.name, command.purpose);
  }
  return text;
}

int unknownCommand(const std::string& word) {
  const std::string nearest = nearestCommand(word);
  std::fprintf(stderr, "efsctl: unknown command \"%s\"%s\n", printable(word, 40).c_str(),
               nearest.empty() ? "" : (", did you mean \"" + nearest + "\"?").c_str());
  std::fputs("efsctl --help lists the commands\n", stderr);
  return kFailed;
}

}  // namespace

bool printOut(const std::string& text) {
  const Status written = writeAll(STDOUT_FILENO, text, "standard output");
  if (!written) std::fprintf(stderr, "efsctl: %s\n", written.error().describe().c_str());
  return written.has_value();
}

Result<FileSystemKind> parseType(const std::string& word) {
  const auto kind = kindOfType(word);
  if (kind) return *kind;
  return Error(ErrorKind::kInvalidInput,
               "-t " + printable(word) + ": the types are efs and s3files");
}

bool onTerminal() { return ::isatty(STDOUT_FILENO) != 0 && !environmentVariable("NO_COLOR"); }

std::string nearestCommand(std::string_view word) {
  std::array<std::string_view, kCommands.size()> names;
  std::transform(kCommands.begin(), kCommands.end(), names.begin(),
                 [](const Command& command) { return std::string_view(command.name); });
  const std::string typed = toLower(word);
  for (const std::string_view name : names) {
    if (!typed.empty() && name.starts_with(typed)) return std::string(name);
  }
  return std::string(nearestWord(typed, names));
}

int runEfsctl(const std::vector<std::string>& argv) {
  if (argv.size() < 2) {
    std::fputs(usage().c_str(), stderr);
    return kFailed;
  }
  const std::string& word = argv[1];
  if (word == "-h" || word == "--help" || word == "help") {
    std::fputs(usage().c_str(), stdout);
    return kHealthy;
  }
  if (word == "-V" || word == "--version") {
    std::printf("efsctl (efsmount) %s\n", std::string(productVersion()).c_str());
    return kHealthy;
  }
  for (const Command& command : kCommands) {
    if (word == command.name) return command.run({argv.begin() + 2, argv.end()});
  }
  return unknownCommand(word);
}

}  // namespace efs::efsctl
