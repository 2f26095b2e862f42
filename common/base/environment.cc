#include "efs/base/environment.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "efs/base/text.h"
#include "efs/base/url_authority.h"

extern char** environ;

namespace efs {

std::optional<std::string> environmentVariable(const std::string& name) {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): no program of ours changes its environment in a thread
  const char* value = std::getenv(name.c_str());
  if (value == nullptr || *value == '\0') return std::nullopt;
  return std::string(value);
}

bool saysTrue(const std::optional<std::string>& value) {
  return value && toLower(*value) == "true";
}

bool matchesAny(std::string_view name, const std::vector<std::string>& patterns) {
  return std::any_of(patterns.begin(), patterns.end(), [name](std::string_view pattern) {
    const bool prefix = !pattern.empty() && pattern.back() == '*';
    if (prefix) pattern.remove_suffix(1);
    return prefix ? name.substr(0, pattern.size()) == pattern : name == pattern;
  });
}

Variables takeVariables(const std::vector<std::string>& patterns) {
  Variables taken;
  for (char** entry = environ; entry != nullptr && *entry != nullptr;) {
    const std::string_view text(*entry);
    const auto equals = std::min(text.find('='), text.size());
    const std::string name(text.substr(0, equals));
    if (equals == text.size() || !matchesAny(name, patterns)) {
      ++entry;
      continue;
    }
    taken.emplace(name, text.substr(equals + 1));
    // By hand: unsetenv(3) would forget where a second entry of the same name stands.
    for (char** next = entry; *next != nullptr; ++next) *next = *(next + 1);
    ::explicit_bzero(const_cast<char*>(text.data()), text.size());
  }
  return taken;
}

void setVariables(const Variables& variables) {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): the caller has one thread
  for (const auto& [name, value] : variables) ::setenv(name.c_str(), value.c_str(), 1);
}

std::string withoutProxyUser(std::string value) {
  const auto at = value.rfind('@');
  if (at == std::string::npos) return value;
  const std::size_t begin = authorityStart(value);
  return begin > at ? value : value.erase(begin, at + 1 - begin);
}

Variables proxiesWithoutUser(const Environment& environment) {
  Variables changed;
  for (const char* name : kProxyVariables) {
    const auto value = environment(name);
    if (!value || value->find('@') == std::string::npos) continue;
    changed.emplace(name, withoutProxyUser(*value));
  }
  return changed;
}

}  // namespace efs
