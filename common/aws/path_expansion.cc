#include "efs/aws/path_expansion.h"

#include <algorithm>
#include <optional>
#include <string_view>

namespace efs::aws {
namespace {

constexpr std::string_view kNameCharacters =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";

struct Reference {
  std::string_view whole, name;
};

// What `text`, which begins with '$', refers to; an empty name: nothing.
Reference referenceAt(std::string_view text) {
  if (text.starts_with("${")) {
    const auto end = text.find('}');
    if (end == std::string_view::npos) return {text.substr(0, 1), {}};
    return {text.substr(0, end + 1), text.substr(2, end - 2)};
  }
  const auto end = std::min(text.find_first_not_of(kNameCharacters, 1), text.size());
  return {text.substr(0, end), text.substr(1, end - 1)};
}

}  // namespace

std::string expandVariables(const std::string& path, const Environment& environment) {
  std::string result;
  std::string_view rest(path);
  while (!rest.empty()) {
    const auto dollar = std::min(rest.find('$'), rest.size());
    result += rest.substr(0, dollar);
    rest.remove_prefix(dollar);
    if (rest.empty()) break;
    const Reference reference = referenceAt(rest);
    const auto value =
        reference.name.empty() ? std::nullopt : environment(std::string(reference.name));
    result += value ? std::string_view(*value) : reference.whole;
    rest.remove_prefix(reference.whole.size());
  }
  return result;
}

}  // namespace efs::aws
