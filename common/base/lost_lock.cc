#include "efs/base/lost_lock.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "efs/base/files.h"
#include "efs/base/text.h"

namespace efs {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxText = 16U << 20U;
constexpr std::string_view kDeleted = " (deleted)";  // how the kernel marks it in the link

// What a link to the deleted file says. In another mount namespace it may lack the front: the path
// is told from the root of a mount that is not among ours.
bool names(std::string_view link, std::string_view path) {
  if (link.size() <= kDeleted.size()) return false;
  const std::string_view end = link.substr(link.size() - kDeleted.size());
  const std::string_view file = link.substr(0, link.size() - kDeleted.size());
  if (end != kDeleted || file.size() > path.size() || file.front() != '/') return false;
  return path.substr(path.size() - file.size()) == file;
}

// A file of ours that is gone, of the file system on which the path lies: two directories of one
// ending on different ones are two. In mounts of his own anybody may have a file of that name.
bool isGoneFrom(dev_t device, const fs::path& link) {
  struct stat info {};
  return ::stat(link.c_str(), &info) == 0 && info.st_nlink == 0 && info.st_dev == device &&
         info.st_uid == ::geteuid();
}

bool holds(pid_t pid, std::string_view path, dev_t device) {
  std::error_code failed;
  const std::string list = "/proc/" + std::to_string(pid) + "/fd";
  for (fs::directory_iterator it(list, failed), end; !failed && it != end; it.increment(failed)) {
    std::error_code unread;
    const std::string link = fs::read_symlink(it->path(), unread).string();
    if (!unread && names(link, path) && isGoneFrom(device, it->path())) return true;
  }
  return false;
}

}  // namespace

std::vector<pid_t> flockHolders(std::string_view proc_locks) {
  std::vector<pid_t> pids;
  // "1: FLOCK  ADVISORY  WRITE 708 00:2f:13548 0 EOF"; "1: -> FLOCK ..." waits for it.
  for (const auto& line : split(proc_locks, '\n')) {
    std::vector<std::string> words;
    for (const auto& word : split(line, ' ')) {
      if (!word.empty()) words.push_back(word);
    }
    if (words.size() < 6 || words[1] != "FLOCK") continue;
    const auto pid = parseInt(words[4]);
    if (pid && *pid > 0 && *pid == static_cast<pid_t>(*pid)) {
      pids.push_back(static_cast<pid_t>(*pid));
    }
  }
  std::sort(pids.begin(), pids.end());
  pids.erase(std::unique(pids.begin(), pids.end()), pids.end());
  return pids;
}

std::optional<pid_t> holderOfDeleted(const std::string& path) {
  const auto locks = readFile("/proc/locks", kMaxText);
  if (!locks) return std::nullopt;
  std::error_code failed;
  // The kernel's links tell the directory itself: /var/run is one to /run.
  const fs::path directory = fs::canonical(fs::path(path).parent_path(), failed);
  struct stat info {};
  if (failed || ::stat(directory.c_str(), &info) != 0) return std::nullopt;
  const std::string real = (directory / fs::path(path).filename()).string();
  for (const pid_t pid : flockHolders(*locks)) {
    if (pid != ::getpid() && holds(pid, real, info.st_dev)) return pid;
  }
  return std::nullopt;
}

}  // namespace efs
