#include "foreign_watchdog.h"

#include <filesystem>

#include "efs/base/files.h"
#include "efs/base/text.h"

namespace efs::watchdog {
namespace {

// The kernel keeps 15 characters of "amazon-efs-mount-watchdog".
constexpr std::string_view kComm = "amazon-efs-moun";

// A native program of this name is one of ours; the old one is a script.
bool runByPython(const std::filesystem::path& process) {
  std::error_code failed;
  const auto exe = std::filesystem::read_symlink(process / "exe", failed);
  return !failed && exe.filename().string().find("python") != std::string::npos;
}

}  // namespace

std::optional<pid_t> findForeignWatchdog(const std::string& proc) {
  std::error_code failed;
  for (std::filesystem::directory_iterator it(proc, failed), end; !failed && it != end;
       it.increment(failed)) {
    const auto pid = parseInt(it->path().filename().string());
    if (!pid) continue;
    const auto comm = readFile(it->path() / "comm", 64);
    if (comm && trim(*comm) == kComm && runByPython(it->path())) return static_cast<pid_t>(*pid);
  }
  return std::nullopt;
}

}  // namespace efs::watchdog
