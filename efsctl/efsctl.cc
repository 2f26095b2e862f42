#include "efs/efsctl/efsctl.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <numeric>

#include "efs/base/text.h"
#include "efs/base/version.h"
#include "efs/efsctl/status.h"

namespace efs::efsctl {
namespace {

struct Command {
  const char* name;
  const char* purpose;
  int (*run)(const std::vector<std::string>& words);
};
constexpr std::array<Command, 1> kCommands = {{
    {"status", "what is mounted, and how well it is", runStatus},
}};

std::string usage() {
  std::string text =
      "usage: efsctl <command> [options]\n"
      "       efsctl --version | -h | --help\n"
      "\n"
      "Looks after Amazon EFS mounts. `efsctl <command> --help` explains one command.\n"
      "\n";
  for (const auto& command : kCommands) {
    text += std::string("  ") + command.name + "   " + command.purpose + "\n";
  }
  return text;
}

// Levenshtein's distance of two short words.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, diagonal + 1, row[j] + 1});
    }
  }
  return row.back();
}

int unknownCommand(const std::string& word) {
  const std::string nearest = nearestCommand(word);
  std::fprintf(stderr, "efsctl: unknown command \"%s\"%s\n", printable(word, 40).c_str(),
               nearest.empty() ? "" : (", did you mean \"" + nearest + "\"?").c_str());
  std::fputs("efsctl --help lists the commands\n", stderr);
  return kFailed;
}

}  // namespace

std::string nearestCommand(std::string_view word) {
  constexpr std::size_t kMaxWord = 40;
  if (word.empty() || word.size() > kMaxWord) return {};
  std::string nearest;
  std::size_t best = 0;
  for (const Command& command : kCommands) {
    const std::string_view name = command.name;
    const std::size_t far = distance(toLower(word), name);
    const bool begins = name.substr(0, word.size()) == toLower(word);
    if (!begins && far > name.size() / 2) continue;
    if (nearest.empty() || far < best) {
      nearest = name;
      best = far;
    }
  }
  return nearest;
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
