#include "efs/base/mounted_at.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <climits>

#include "efs/base/files.h"
#include "efs/base/text.h"

namespace efs {
namespace {

constexpr std::size_t kMaxTable = 64U << 20U;

// As seq_path() of the kernel writes a path into mountinfo.
std::string escaped(const std::string& path) {
  std::string text;
  for (const char c : path) {
    switch (c) {
      case ' ':
        text += "\\040";
        break;
      case '\t':
        text += "\\011";
        break;
      case '\n':
        text += "\\012";
        break;
      case '\\':
        text += "\\134";
        break;
      case '#':
        text += "\\043";
        break;
      default:
        text += c;
    }
  }
  return text;
}

// Without links, and without asking the file system behind it.
std::string pathOf(int directory) {
  std::array<char, PATH_MAX> buffer{};
  const std::string link = "/proc/self/fd/" + std::to_string(directory);
  const ssize_t length = ::readlink(link.c_str(), buffer.data(), buffer.size());
  return length > 0 ? std::string(buffer.data(), static_cast<std::size_t>(length)) : std::string();
}

}  // namespace

std::optional<MountedThing> mountedAt(std::string_view mountinfo, const std::string& path) {
  const std::string exactly = escaped(path);
  std::optional<MountedThing> found;
  for (const auto& line : split(mountinfo, '\n')) {
    const auto fields = split(line, ' ');
    if (fields.size() < 10 || fields[4] != exactly) continue;
    // Optional fields end with a dash (proc(5)); type and source follow it.
    std::size_t dash = 6;
    while (dash < fields.size() && fields[dash] != "-") ++dash;
    if (dash + 2 < fields.size()) found = MountedThing{path, fields[dash + 1], fields[dash + 2]};
  }
  return found;
}

std::optional<MountedThing> mountedAt(int directory, const std::string& name) {
  std::string path = pathOf(directory);
  const auto table = readFile("/proc/self/mountinfo", kMaxTable);
  if (path.empty() || !table) return std::nullopt;
  if (path != "/") path += "/";
  return mountedAt(*table, path + name);
}

}  // namespace efs
