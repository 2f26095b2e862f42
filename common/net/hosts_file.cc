#include "efs/net/hosts_file.h"

#include <algorithm>

#include "efs/base/files.h"
#include "efs/base/text.h"

namespace efs::net {
namespace {

// "address name alias...", up to a '#'.
bool lineNames(std::string_view line, const std::string& name) {
  const std::string text = replaceAll(toLower(line.substr(0, line.find('#'))), "\t", " ");
  const auto words = split(text, ' ');
  const auto address = std::ranges::find_if(words, [](const auto& word) { return !word.empty(); });
  return address != words.end() && std::find(address + 1, words.end(), name) != words.end();
}

}  // namespace

bool hostsFileNames(std::string_view hosts, std::string_view name) {
  const auto lines = split(hosts, '\n');
  return std::ranges::any_of(
      lines, [name = toLower(name)](const auto& line) { return lineNames(trim(line), name); });
}

bool pinnedInHostsFile(std::string_view name) {
  const auto hosts = readFile("/etc/hosts");
  return hosts && hostsFileNames(*hosts, name);
}

}  // namespace efs::net
