// The log of a program: one sink per process, opened by main(), silent before that.
//
// Line forms (contract section 19):
//   kHelper  2026-01-02 03:04:05 UTC - INFO - message        (mount.log, mount-watchdog.log)
//   kTunnel  2026-01-02T03:04:05.678Z 1234 INFO efs_proxy message
// Files rotate at max_bytes to <path>.1 ... <path>.<count> (helper) or .0 ... (tunnel), safely for
// several processes that write the same file. A log that cannot be written never fails the program.
#pragma once

#include <fmt/core.h>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "efs/base/result.h"

namespace efs::log {

enum class Level { kDebug, kInfo, kWarning, kError, kCritical, kOff };
enum class Form { kHelper, kTunnel };

struct Config {
  std::string path;  // empty: standard error
  Level level = Level::kInfo;
  Form form = Form::kHelper;
  std::size_t max_bytes = 1048576;
  int file_count = 10;
};

// Opens (creating directories 0755, file 0644). On error the log stays as it was.
Status open(const Config& config);
// Also copies lines of at least `level` to standard error, for daemons under systemd.
void alsoToStderr(Level level);
void setLevel(Level level);
bool enabled(Level level);
// Lower-case name of a Python logging level ("warning", "critical" ...) in any case; nullopt if
// unknown.
std::optional<Level> parseLevel(std::string_view name);

// Writes one line; control characters become '?'.
void write(Level level, std::string_view message);

template <typename... Args>
void debug(fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(Level::kDebug))
    write(Level::kDebug, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void info(fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(Level::kInfo)) write(Level::kInfo, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void warning(fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(Level::kWarning))
    write(Level::kWarning, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void error(fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(Level::kError))
    write(Level::kError, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace efs::log
