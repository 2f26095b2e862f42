#include "umount/holders.h"

#include <unistd.h>

#include <array>
#include <filesystem>

#include "efs/base/ask_child.h"
#include "efs/base/files.h"
#include "efs/base/text.h"
#include "efs/procfs/processes.h"

namespace efs::mount_helper {
namespace {

constexpr int kMaxNamed = 5;
// A process with a million files must not use up the time for all others.
constexpr int kMaxDescriptors = 100000;  // of one process

bool isInside(const std::string& link, const std::string& mountpoint) {
  std::array<char, 4096> path{};
  const ssize_t length = ::readlink(link.c_str(), path.data(), path.size());
  if (length <= 0) return false;
  const std::string_view text(path.data(), static_cast<std::size_t>(length));
  if (text.substr(0, mountpoint.size()) != mountpoint) return false;
  return text.size() == mountpoint.size() || text[mountpoint.size()] == '/';
}

bool holdsByDescriptor(const std::string& process, const std::string& mountpoint) {
  std::error_code failed;
  int seen = 0;
  for (std::filesystem::directory_iterator it(process + "fd", failed), end;
       !failed && it != end && seen < kMaxDescriptors; it.increment(failed), ++seen) {
    if (isInside(it->path(), mountpoint)) return true;
  }
  return false;
}

bool holds(const std::string& process, const std::string& mountpoint) {
  for (const char* link : {"cwd", "root", "exe"}) {
    if (isInside(process + link, mountpoint)) return true;
  }
  return holdsByDescriptor(process, mountpoint);
}

std::string nameOf(pid_t pid) {
  const auto name = procfs::processName(pid);
  return name ? printable(*name, 20) : std::string("?");
}

// Each one is written when it is found, so that the parent has them even if a later look hangs.
void findHolders(const std::string& mountpoint, int out) {
  int named = 0;
  (void)procfs::forEachProcess([&](pid_t pid) {
    if (!holds(procfs::ofProcess(pid, ""), mountpoint)) return true;
    std::string text = named == 0 ? "" : ", ";
    if (named == kMaxNamed) {
      text += "...";
    } else {
      text.append(nameOf(pid)).append("(").append(std::to_string(pid)).append(")");
    }
    return writeAll(out, text, "pipe").has_value() && ++named <= kMaxNamed;
  });
}

}  // namespace

std::string describeHolders(const std::string& mountpoint, Duration patience) {
  const auto answer = askChild(patience, [&mountpoint](int out) {
    findHolders(mountpoint, out);
    return 0;
  });
  return answer ? answer->text : std::string();
}

}  // namespace efs::mount_helper
