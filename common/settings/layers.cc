#include "layers.h"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <string_view>
#include <utility>
#include <vector>

#include "efs/settings/settings.h"

extern char** environ;

namespace efs::settings {
namespace {

// The variables of this process whose names begin with our prefix.
std::vector<std::pair<std::string, std::string>> ourVariables() {
  std::vector<std::pair<std::string, std::string>> found;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const auto equals = text.find('=');
    if (equals == text.npos || !text.starts_with(kVariablePrefix)) continue;
    found.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  return found;
}

char inVariable(char c) {
  if (c >= 'a' && c <= 'z') return static_cast<char>(c - 'a' + 'A');
  return c == '-' || c == '.' ? '_' : c;
}

// EFSMOUNT_DEFAULT_LOGGING_LEVEL means what EFSMOUNT_MOUNT_LOGGING_LEVEL means: the programs look
// for the keys of [DEFAULT] in [mount].
std::string inMount(const std::string& name) {
  const std::string in_default = std::string(kVariablePrefix) + "DEFAULT_";
  if (name.compare(0, in_default.size(), in_default) != 0) return name;
  return std::string(kVariablePrefix) + "MOUNT_" + name.substr(in_default.size());
}

// What is no known key's name stays where unknownKeys() finds it: in a section of its own.
void layVariables(IniFile& ini) {
  const auto variables = ourVariables();
  if (variables.empty()) return;
  const auto known = Settings::knownKeys();
  for (const auto& [name, value] : variables) {
    if (value.empty()) continue;  // counts as absent, as everywhere
    const std::string wanted = inMount(name);
    const auto same = std::find_if(known.begin(), known.end(),
                                   [&](const auto& key) { return variableName(key) == wanted; });
    const std::string origin = "variable " + name;
    if (same == known.end()) {
      ini.set(kVariablePrefix, name, value, origin);
      continue;
    }
    const auto dot = same->rfind('.');
    ini.set(same->substr(0, dot), same->substr(dot + 1), value, origin);
  }
}

}  // namespace

std::string variableName(const std::string& known_key) {
  std::string name = kVariablePrefix;
  std::transform(known_key.begin(), known_key.end(), std::back_inserter(name), inVariable);
  return name;
}

Result<IniFile> loadLayers(const std::string& path) {
  EFS_TRY(ini, IniFile::load(path));
  const auto own = std::filesystem::path(path).parent_path() / kOwnConfigName;
  EFS_TRY(ours, IniFile::load(own.string()));
  ini.lay(ours);
  layVariables(ini);
  return ini;
}

}  // namespace efs::settings
