#include "efs/mounts/mount_source.h"

#include <string>
#include <vector>

#include "efs/base/text.h"

namespace efs::mounts {
namespace {

struct Source {
  std::string_view server;  // "127.0.0.1"; all of it where there is no path
  std::vector<std::string> names;

  bool operator==(const Source&) const = default;
};

Source parse(std::string_view text) {
  const auto colon = text.find(":/");
  Source source{text.substr(0, colon), {}};
  if (colon == std::string_view::npos) return source;
  for (auto& name : split(text.substr(colon + 1), '/')) {
    if (name.empty() || name == ".") continue;
    if (name != "..") {
      source.names.push_back(std::move(name));
    } else if (!source.names.empty()) {
      source.names.pop_back();
    }
  }
  return source;
}

}  // namespace

bool sameSource(std::string_view asked, std::string_view shown) {
  return parse(asked) == parse(shown);
}

}  // namespace efs::mounts
