// The form of log lines (contract section 19):
//   kHelper  2026-01-02 03:04:05 UTC - INFO - message        (mount.log, mount-watchdog.log)
//   kTunnel  2026-01-02T03:04:05.678Z 1234 INFO efs_proxy message
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "efs/base/clock.h"

namespace efs::log {

enum class Level { kDebug, kInfo, kWarning, kError, kCritical, kOff };
enum class Form { kHelper, kTunnel };

// Longer messages are cut and end in "...": a line has to fit into one datagram.
inline constexpr std::size_t kMaxLogMessage = 16384;

// One line with its newline; control characters of the message become '?'.
std::string formatLine(Form form, Level level, std::string_view message, WallTime now);
// What stands where lines are missing.
std::string lossMessage(std::size_t lines);

}  // namespace efs::log
