#include <cstdio>

#include "efs/base/text.h"
#include "efs/efsctl/efsctl.h"
#include "efs/efsctl/explain.h"

namespace efs::efsctl {

std::string explainHelp() {
  return "usage: efsctl explain [--json] [-t <type>] [-o <options>] <file system> <mount point>\n"
         "\n"
         "What mount(8) with these words would do, where each value came from, and what the\n"
         "watchdog would do with the mount in each state. Asks DNS, the metadata service and the\n"
         "sources of credentials as a mount does; mounts, writes and starts nothing.\n"
         "\n"
         "  -t TYPE          efs or s3files; efs if not given\n"
         "  -o OPTIONS       as for mount(8)\n"
         "  --json           for programs\n"
         "  --config FILE    another configuration than the one that mount.<type> reads\n"
         "\n"
         "Exit code: 0 it would be tried, 1 a fact is missing, 2 usage, or the words are "
         "refused.\n";
}

Result<ExplainOptions> parseExplainOptions(const std::vector<std::string>& words) {
  ExplainOptions options;
  std::vector<std::string> names;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (word == "-h" || word == "--help") {
      options.help = true;
      return options;
    }
    if (word == "--") {
      names.insert(names.end(), words.begin() + static_cast<std::ptrdiff_t>(i) + 1, words.end());
      break;
    }
    if (word == "--json") {
      options.json = true;
    } else if (word == "-t") {
      if (i + 1 == words.size()) return Error(ErrorKind::kInvalidInput, word + " needs a value");
      EFS_TRY(kind, parseType(words[++i]));
      options.kind = kind;
    } else if (word == "-o" || word == "--config") {
      if (i + 1 == words.size()) return Error(ErrorKind::kInvalidInput, word + " needs a value");
      (word == "-o" ? options.options : options.config) = words[++i];
    } else if (word.starts_with("-")) {
      return Error(ErrorKind::kInvalidInput, "unknown option " + printable(word));
    } else {
      names.push_back(word);
    }
  }
  if (names.size() != 2) {
    return Error(ErrorKind::kInvalidInput, "a file system and a mount point are needed");
  }
  options.device = names[0];
  options.mountpoint = names[1];
  return options;
}

int runExplain(const std::vector<std::string>& words) {
  const auto options = parseExplainOptions(words);
  if (!options) {
    std::fprintf(stderr, "efsctl: %s\n", options.error().describe().c_str());
    std::fputs(explainHelp().c_str(), stderr);
    return kFailed;
  }
  if (options->help) {
    std::fputs(explainHelp().c_str(), stdout);
    return kHealthy;
  }
  const SystemClock clock;
  const auto explanation = explainMount(*options, clock);
  if (!explanation) {
    std::fprintf(stderr, "efsctl: %s\n", explanation.error().describe().c_str());
    return kFailed;
  }
  if (!printOut(options->json ? explainJson(*explanation) : explainText(*explanation))) {
    return kFailed;
  }
  return explanation->missing ? kDegraded : kHealthy;
}

}  // namespace efs::efsctl
