#include <cstddef>
#include <vector>

#include "efs/base/text.h"
#include "efs/state/mount_state.h"

namespace efs::state {
namespace {

// The path without empty, "." and ".." parts, as os.path.abspath() of the old product gave it.
std::vector<std::string> normalParts(std::string_view path) {
  std::vector<std::string> parts;
  for (auto& part : split(path, '/')) {
    if (part.empty() || part == ".") continue;
    if (part != "..") {
      parts.push_back(std::move(part));
    } else if (!parts.empty()) {
      parts.pop_back();
    }
  }
  return parts;
}

// What stands around a mount's name in the names of its files takes 23 bytes at most
// (".stunnel-config.<name>.XXXXXX", the file before it is renamed), and NAME_MAX is 255.
constexpr std::size_t kLongestName = 232;

// `middle` where it fits, `around` bytes being taken; else its beginning and its digest.
std::string shortened(const std::string& middle, std::size_t around) {
  if (middle.size() + around <= kLongestName) return middle;
  const std::string digest = "." + shortName(middle);
  std::size_t end =
      around + digest.size() < kLongestName ? kLongestName - around - digest.size() : 0;
  // No character is cut in two: names stand in texts that are UTF-8.
  while (end > 0 && (static_cast<unsigned char>(middle[end]) & 0xC0U) == 0x80U) --end;
  return middle.substr(0, end) + digest;
}

}  // namespace

std::string mountName(std::string_view fs_id, std::string_view mountpoint, int port) {
  std::string middle = join(normalParts(mountpoint), ".");
  middle.erase(0, middle.find_first_not_of('.'));
  const std::size_t around = fs_id.size() + 2 + std::to_string(port).size();
  return std::string(fs_id) + "." + shortened(middle, around) + "." + std::to_string(port);
}

std::optional<ParsedMountName> parseMountName(std::string_view name) {
  const auto first = name.find('.');
  const auto last = name.rfind('.');
  if (first == last || name.find('/') != name.npos || name.find('\0') != name.npos) return {};
  constexpr std::string_view kPrefix = "fs-";
  const auto fs_id = name.substr(0, first);
  if (fs_id.substr(0, kPrefix.size()) != kPrefix || fs_id.size() == kPrefix.size()) return {};
  const auto port = parseInt(name.substr(last + 1));
  // "020049" is not a name that mountName() gives.
  if (!port || *port < 1 || *port > 65535 || name[last + 1] == '0') return {};
  return ParsedMountName{std::string(fs_id), std::string(name.substr(first + 1, last - first - 1)),
                         static_cast<int>(*port)};
}

}  // namespace efs::state
