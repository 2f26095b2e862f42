#include "daemon/foreign_watchdog.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "efs/base/ask_child.h"
#include "efs/base/files.h"
#include "efs/base/text.h"
#include "efs/base/unique_fd.h"
#include "efs/procfs/processes.h"

namespace efs::watchdog {
namespace {

constexpr std::string_view kProgram = "amazon-efs-mount-watchdog";
constexpr std::string_view kComm = kProgram.substr(0, 15);  // as much as the kernel keeps
// The interpreter, its options and the script come first.
constexpr std::size_t kMaxCommandLine = 3072;
constexpr Duration kCommandLinePatience{200};
// Fixed in efs-utils; below the process's own root.
constexpr const char* kItsStateDirectory = "var/run/efs";
constexpr const char* kWithoutLinks = "run/efs";

std::string linkOf(const std::filesystem::path& path) {
  std::error_code failed;
  return std::filesystem::read_symlink(path, failed).string();  // empty: gone, or not for us
}

// A native program of this name is one of ours; the old one is a script.
bool runByPython(const std::filesystem::path& process) {
  const std::filesystem::path exe = linkOf(process / "exe");
  return exe.filename().string().find("python") != std::string::npos;
}

// "Uid: real effective saved file-system", as our user namespace sees them.
bool isRoots(pid_t pid, const std::string& proc) {
  const auto ids = split(procfs::statusField(pid, "Uid", proc).value_or(""), '\t');
  return ids.size() == 4 && ids[0] == "0" && ids[1] == "0";
}

// A link that cannot be read is equal to nothing.
bool inOurNamespaces(const std::filesystem::path& process, const std::filesystem::path& proc) {
  for (const char* kind : {"ns/pid", "ns/user"}) {
    const std::string its = linkOf(process / kind);
    if (its.empty() || its != linkOf(proc / "self" / kind)) return false;
  }
  return true;
}

// As the process itself would find it: /var/run is an absolute link, which must not lead into our
// own root.
UniqueFd itsStateDirectory(const std::filesystem::path& process) {
  const UniqueFd root(::open((process / "root").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root.valid()) return {};
  open_how how{};
  how.flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  const long fd = ::syscall(SYS_openat2, root.get(), kItsStateDirectory, &how, sizeof how);
  if (fd >= 0) return UniqueFd(static_cast<int>(fd));
  if (errno != ENOSYS && errno != EPERM) return {};
  return UniqueFd(::openat(root.get(), kWithoutLinks, O_PATH | O_DIRECTORY | O_CLOEXEC));
}

bool worksOn(const std::string& state_dir, const std::filesystem::path& process) {
  const UniqueFd directory = itsStateDirectory(process);
  struct stat its {};
  struct stat ours {};
  return directory.valid() && ::fstat(directory.get(), &its) == 0 &&
         ::stat(state_dir.c_str(), &ours) == 0 && its.st_dev == ours.st_dev &&
         its.st_ino == ours.st_ino;
}

// Others of root's may have a name that begins alike. What cannot be told counts as the watchdog; a
// child asks, because the reader of a command line waits for a process that is stuck.
bool runsTheScript(const std::filesystem::path& process) {
  const auto answer = askChild(kCommandLinePatience, [&process](int out) {
    const auto text = readFile((process / "cmdline").string(), kMaxCommandLine);
    return text && writeAll(out, *text, "the answer") ? 0 : 1;
  });
  if (!answer || !answer->exited("asking for a command line") || answer->text.empty()) return true;
  const auto words = split(answer->text, '\0');
  return std::any_of(words.begin(), words.end(), [](const std::string& word) {
    return std::filesystem::path(word).filename() == kProgram;
  });
}

}  // namespace

std::optional<pid_t> findForeignWatchdog(const std::string& state_dir, const std::string& proc) {
  std::optional<pid_t> found;
  (void)procfs::forEachProcess(
      [&](pid_t pid) {
        const auto name = procfs::processName(pid, proc);
        const std::filesystem::path process = procfs::ofProcess(pid, "", proc);
        if (!name || *name != kComm || !runByPython(process)) return true;
        // The cheapest first, and nothing of a stranger's file systems is ever touched.
        if (isRoots(pid, proc) && inOurNamespaces(process, proc) && worksOn(state_dir, process) &&
            runsTheScript(process)) {
          found = pid;
        }
        return !found;
      },
      proc);
  return found;
}

}  // namespace efs::watchdog
