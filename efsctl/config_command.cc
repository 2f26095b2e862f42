// efsctl config: which value of which key holds, and where it comes from.
#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "efs/base/text.h"
#include "efs/efsctl/config.h"
#include "efs/efsctl/efsctl.h"

namespace efs::efsctl {
namespace {

using Json = nlohmann::ordered_json;

std::string configJson(const settings::ConfigReport& report) {
  Json values = Json::array();
  for (const auto& value : report.values) {
    values.push_back({{"section", value.section},
                      {"key", value.key},
                      {"value", value.value.empty() ? Json() : Json(value.value)},
                      {"origin", value.origin}});
  }
  const Json document = {{"version", 1},
                         {"values", values},
                         {"unknown", report.unknown},
                         {"warnings", report.warnings},
                         {"error", report.failure ? Json(report.failure->describe()) : Json()}};
  return document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

// A section is told once, its keys below it.
std::string configTable(const settings::ConfigReport& report) {
  std::size_t width = 0;
  for (const auto& value : report.values) {
    width = std::max(width, value.key.size() + value.value.size() + 3);
  }
  width = std::min<std::size_t>(width, 60);
  std::string text;
  std::string section;
  for (const auto& value : report.values) {
    if (value.section != section) {
      section = value.section;
      text += (text.empty() ? "[" : "\n[") + printable(section) + "]\n";
    }
    std::string line = value.key + " = " + printable(value.value);
    line.resize(std::max(line.size(), width), ' ');
    text += line + "  # " + printable(value.origin) + "\n";
  }
  return text;
}

Result<ConfigOptions> parse(const std::vector<std::string>& words) {
  ConfigOptions options;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    const bool has_value = word == "-t" || word == "--config";
    if (has_value && i + 1 == words.size()) {
      return Error(ErrorKind::kInvalidInput, word + " needs a value");
    }
    if (word == "-h" || word == "--help") {
      options.help = true;
    } else if (word == "--json") {
      options.json = true;
    } else if (word == "--config") {
      options.config = words[++i];
    } else if (word == "-t") {
      EFS_TRY(kind, parseType(words[++i]));
      options.kind = kind;
    } else {
      return Error(ErrorKind::kInvalidInput, "unknown argument " + printable(word));
    }
  }
  return options;
}

void complain(const std::string& line) { std::fprintf(stderr, "efsctl: %s\n", line.c_str()); }

}  // namespace

std::string configHelp() {
  return "usage: efsctl config [--json] [-t <type>]\n"
         "\n"
         "Every key of the configuration with the value that holds and where it comes from: a file "
         "and\n"
         "line, a variable EFSMOUNT_<SECTION>_<KEY> of this shell, or built-in. Keys that nothing "
         "reads\n"
         "and values that make no sense are named.\n"
         "\n"
         "  --json             for programs; README.md of efsctl explains every key\n"
         "  -t TYPE            of efs (the default) or of s3files\n"
         "  --config FILE      another file; efsmount.conf is looked for beside it\n"
         "\n"
         "Exit code: 0 all is well, 1 something is unknown or not usable, 2 usage, or no mount can "
         "be\n"
         "made with it.\n";
}

int runConfig(const std::vector<std::string>& words) {
  const auto options = parse(words);
  if (!options) {
    complain(options.error().describe());
    std::fputs(configHelp().c_str(), stderr);
    return kFailed;
  }
  if (options->help) {
    std::fputs(configHelp().c_str(), stdout);
    return kHealthy;
  }
  const auto report = settings::ConfigReport::load(
      options->config.empty() ? settings::configPath(options->kind) : options->config,
      options->kind);
  if (!report) {
    complain(report.error().describe());
    return kFailed;
  }
  std::fputs((options->json ? configJson(*report) : configTable(*report)).c_str(), stdout);
  for (const auto& line : report->unknown) complain(line);
  for (const auto& line : report->warnings) complain(line);
  if (report->failure) {
    complain(report->failure->describe());
    return kFailed;
  }
  return report->unknown.empty() && report->warnings.empty() ? kHealthy : kDegraded;
}

}  // namespace efs::efsctl
