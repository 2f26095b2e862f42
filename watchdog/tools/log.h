// Log: where the watchdog's lines go; the program's own log (efs/base/log.h), or the memory of a
// test.
#pragma once

#include <fmt/core.h>

#include <string_view>
#include <utility>

#include "efs/base/log.h"

namespace efs::watchdog {

class Log {
 public:
  virtual ~Log() = default;
  virtual bool enabled(log::Level level) const = 0;
  virtual void write(log::Level level, std::string_view line) = 0;

  template <typename... Args>
  void debug(fmt::format_string<Args...> format, Args&&... args) {
    line(log::Level::kDebug, format, std::forward<Args>(args)...);
  }
  template <typename... Args>
  void info(fmt::format_string<Args...> format, Args&&... args) {
    line(log::Level::kInfo, format, std::forward<Args>(args)...);
  }
  template <typename... Args>
  void warning(fmt::format_string<Args...> format, Args&&... args) {
    line(log::Level::kWarning, format, std::forward<Args>(args)...);
  }
  template <typename... Args>
  void error(fmt::format_string<Args...> format, Args&&... args) {
    line(log::Level::kError, format, std::forward<Args>(args)...);
  }

 private:
  template <typename... Args>
  void line(log::Level level, fmt::format_string<Args...> format, Args&&... args) {
    if (enabled(level)) write(level, fmt::format(format, std::forward<Args>(args)...));
  }
};

}  // namespace efs::watchdog
