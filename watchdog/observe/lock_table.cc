#include "observe/lock_table.h"

#include <sys/sysmacros.h>

#include <charconv>
#include <filesystem>
#include <optional>

#include "efs/base/files.h"
#include "efs/base/text.h"

namespace efs::watchdog {
namespace {

constexpr std::size_t kMaxText = 16U << 20U;
constexpr const char* kInitialPidNamespace = "pid:[4026531836]";  // include/linux/proc_ns.h

// "00:2f:12345": device in hexadecimal, inode.
std::optional<dev_t> deviceOf(std::string_view word) {
  unsigned major = 0;
  unsigned minor = 0;
  const char* const end = word.data() + word.size();
  const auto first = std::from_chars(word.data(), end, major, 16);
  if (first.ec != std::errc() || first.ptr == end || *first.ptr != ':') return std::nullopt;
  const auto second = std::from_chars(first.ptr + 1, end, minor, 16);
  if (second.ec != std::errc() || second.ptr == end || *second.ptr != ':') return std::nullopt;
  return makedev(major, minor);
}

}  // namespace

Result<LockTable> LockTable::readKernel() {
  std::error_code failed;
  const auto space = std::filesystem::read_symlink("/proc/self/ns/pid", failed);
  if (failed || space != kInitialPidNamespace) {
    return Error(ErrorKind::kUnsupported, "locks of other pid namespaces cannot be seen from here");
  }
  return readFile("/proc/locks");
}

Result<LockTable> LockTable::readFile(const std::string& path) {
  EFS_TRY(text, efs::readFile(path, kMaxText));
  return parse(text);
}

LockTable LockTable::parse(std::string_view text) {
  LockTable table;
  for (const auto& line : split(text, '\n')) {
    // "1: POSIX  ADVISORY  WRITE 708 00:2f:13548 0 EOF"; "->" marks one that waits. The word with
    // two colons is the file, wherever it stands.
    for (const auto& word : split(line, ' ')) {
      if (const auto device = deviceOf(word)) table.devices_.insert(*device);
    }
  }
  return table;
}

}  // namespace efs::watchdog
