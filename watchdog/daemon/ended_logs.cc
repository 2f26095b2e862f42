#include "daemon/ended_logs.h"

#include <sys/stat.h>

#include <algorithm>

#include "efs/base/files.h"
#include "efs/base/log.h"
#include "efs/base/text.h"
#include "efs/state/mount_paths.h"
#include "efs/state/mount_state.h"
#include "efs/state/state_files.h"

namespace efs::watchdog {
namespace {

constexpr std::string_view kEnding = ".efs-proxy.log";

std::vector<TunnelLog> logsIn(const std::string& directory) {
  std::vector<TunnelLog> logs;
  const auto files = state::systemFiles().list(directory);
  if (!files) return logs;
  for (const auto& file : *files) {
    const auto mount = mountOfLog(file);
    struct stat info {};
    // A link is not ours, wherever it leads.
    if (!mount || ::lstat((directory + "/" + file).c_str(), &info) != 0 || !S_ISREG(info.st_mode)) {
      continue;
    }
    logs.push_back({file, *mount, std::chrono::system_clock::from_time_t(info.st_mtime)});
  }
  return logs;
}

}  // namespace

std::optional<std::string> mountOfLog(const std::string& file) {
  const auto at = file.rfind(kEnding);
  if (at == std::string::npos) return std::nullopt;
  const std::string behind = file.substr(at + kEnding.size());
  const bool rotated = behind.size() > 1 && behind.front() == '.' && parseInt(behind.substr(1));
  std::string mount = file.substr(0, at);
  if ((!behind.empty() && !rotated) || !state::parseMountName(mount)) return std::nullopt;
  return mount;
}

std::vector<std::string> endedLogs(std::vector<TunnelLog> logs, const std::set<std::string>& living,
                                   const settings::WatchdogSettings& settings, WallTime now) {
  std::erase_if(logs, [&](const TunnelLog& log) { return living.count(log.mount) != 0; });
  std::sort(logs.begin(), logs.end(), [](const TunnelLog& a, const TunnelLog& b) {
    return a.written != b.written ? a.written > b.written : a.file < b.file;
  });
  std::vector<std::string> gone;
  int kept = 0;
  for (const auto& log : logs) {
    const bool fresh = now - log.written < settings.tunnel_log_age;
    if (fresh && kept < settings.tunnel_log_files) {
      ++kept;
    } else {
      gone.push_back(log.file);
    }
  }
  return gone;
}

void clearEndedLogs(const std::string& directory, const std::string& state_directory,
                    std::set<std::string> supervised, const settings::WatchdogSettings& settings,
                    WallTime now) {
  const auto entries = state::systemFiles().list(state_directory);
  if (!entries) return;
  for (const auto& entry : *entries) {
    if (auto name = state::nameOfTunnelConfig(state_directory + "/" + entry)) {
      supervised.insert(std::move(*name));
    }
  }
  for (const auto& file : endedLogs(logsIn(directory), supervised, settings, now)) {
    const auto removed = removeFile(directory + "/" + file);
    if (removed) {
      log::debug("the log {} is removed: its mount is gone", file);
    } else {
      log::warning("{}", removed.error().describe());
    }
  }
}

}  // namespace efs::watchdog
