#include "doctor/fstab.h"

#include <algorithm>
#include <utility>

#include "efs/base/text.h"

namespace efs::efsctl {
namespace {

std::vector<std::string> fieldsOf(std::string_view line) {
  std::vector<std::string> fields;
  std::string field;
  for (const char c : std::string(line) + " ") {
    if (c != ' ' && c != '\t' && c != '\r') {
      field += c;
    } else if (!field.empty()) {
      fields.push_back(std::exchange(field, {}));
    }
  }
  return fields;
}

std::string decoded(std::string text) {
  text = replaceAll(std::move(text), "\\040", " ");
  text = replaceAll(std::move(text), "\\011", "\t");
  return replaceAll(std::move(text), "\\134", "\\");
}

}  // namespace

bool FstabLine::has(std::string_view option) const {
  const auto words = split(options, ',');
  return std::any_of(words.begin(), words.end(),
                     [&](const std::string& word) { return word == option; });
}

std::vector<FstabLine> efsLines(std::string_view fstab) {
  std::vector<FstabLine> lines;
  int number = 0;
  for (const auto& text : split(fstab, '\n')) {
    ++number;
    const auto fields = fieldsOf(text);
    if (fields.size() < 4 || fields[0].front() == '#') continue;
    const auto kind = kindOfType(fields[2]);
    if (!kind) continue;
    std::vector<std::string> options = split(fields[3], ',');
    std::erase(options, "defaults");
    lines.push_back({number, decoded(fields[0]), decoded(fields[1]), join(options, ","), *kind});
  }
  return lines;
}

std::vector<FstabAdvice> adviceFor(const FstabLine& line) {
  std::vector<FstabAdvice> advice;
  if (line.has("noauto") || line.has("x-systemd.automount")) return advice;
  if (!line.has("_netdev")) {
    advice.push_back({"without _netdev: mounted before the network is up",
                      "add _netdev to its options, so that boot waits for the network first"});
  }
  if (!line.has("nofail")) {
    advice.push_back({"without nofail: the boot stops where the file system cannot be reached",
                      "add nofail to its options, unless nothing may start without it"});
  }
  return advice;
}

}  // namespace efs::efsctl
