// The log of a program: one per process, opened by main(), silent before that. Lines have the forms
// of log_line.h, files and their rotation those of log_file.h.
//
// With Writer::kShared no function here touches a file: lines go to the one writer of the host, and
// wait in memory while it does not take them (log_channel.h). A program with an event loop calls
// pump() before each wait; one that runs to completion calls finish() before it ends. A log that
// cannot be written never fails or delays the program.
#pragma once

#include <fmt/core.h>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "efs/base/clock.h"
#include "efs/base/log_line.h"
#include "efs/base/result.h"

namespace efs::log {

// Of all programs of ours, where nobody says otherwise.
inline constexpr const char* kDirectory = "/var/log/amazon/efs";

// kOwn: the program writes its file itself, as efs-utils does, and a file system that hangs holds
// it up.
enum class Writer { kShared, kOwn };

struct Config {
  std::string path;  // empty: standard error
  Level level = Level::kInfo;
  Form form = Form::kHelper;
  std::size_t max_bytes = 1048576;
  int file_count = 10;
  Writer writer = Writer::kOwn;
  // Root-only, for the writer's socket and the lock of rotation. Empty: nobody else writes the
  // file.
  std::string state_dir = {};
};

// Opening again keeps lines that wait. On error the log stays as it was; with kShared that a file
// cannot be written is told by finish(), and where efs-log-writer is not installed the program
// writes itself.
Status open(const Config& config);
void setLevel(Level level);
bool enabled(Level level);

// Hands over waiting lines without waiting itself. When to call again; nullopt: not before the next
// line.
std::optional<Duration> pump();
// Waits at most this long for the writer to be done with what was said so far. Its error is why the
// last line is not in the file.
Status finish(Duration patience);
// What a program that runs to completion gives a writer that is healthy.
inline constexpr Duration kFinishPatience{1000};

// In a forked child, before it closes its parent's descriptors: the parent's connection and file
// are let go, lines that wait stay the parent's, and the next line opens anew.
void leaveParent();

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
