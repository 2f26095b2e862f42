#include "efs/base/log_line.h"

#include <fmt/core.h>
#include <unistd.h>

#include <array>
#include <ctime>

#include "efs/base/text.h"

namespace efs::log {
namespace {

// Python's level names, which log collectors match; the tunnel says WARN, as the Rust proxy did.
std::string_view levelName(Form form, Level level) {
  switch (level) {
    case Level::kDebug:
      return "DEBUG";
    case Level::kInfo:
      return "INFO";
    case Level::kWarning:
      return form == Form::kTunnel ? "WARN" : "WARNING";
    case Level::kError:
      return "ERROR";
    case Level::kCritical:
    case Level::kOff:
      break;
  }
  return "CRITICAL";
}

std::string timeText(const std::tm& time, const char* format) {
  std::array<char, 128> text{};
  return {text.data(), std::strftime(text.data(), text.size(), format, &time)};
}

std::string stamp(Form form, WallTime now) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(now);
  std::tm time{};
  if (form == Form::kHelper) {
    ::localtime_r(&seconds, &time);
    return timeText(time, "%Y-%m-%d %H:%M:%S %Z");
  }
  ::gmtime_r(&seconds, &time);
  const auto millis =
      std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count() % 1000;
  return timeText(time, "%Y-%m-%dT%H:%M:%S") + fmt::format(".{:03}Z", millis);
}

std::string oneLine(std::string_view message) {
  std::string line(message.substr(0, kMaxLogMessage));
  if (message.size() > kMaxLogMessage) line.replace(kMaxLogMessage - 3, 3, "...");
  for (char& c : line) {
    if (isControl(c)) c = '?';
  }
  return line;
}

}  // namespace

std::string formatLine(Form form, Level level, std::string_view message, WallTime now) {
  const std::string_view name = levelName(form, level);
  if (form == Form::kHelper)
    return fmt::format("{} - {} - {}\n", stamp(form, now), name, oneLine(message));
  return fmt::format("{} {} {} efs_proxy {}\n", stamp(form, now), ::getpid(), name,
                     oneLine(message));
}

std::string lossMessage(std::size_t lines) {
  return fmt::format("{} log {} lost while the log could not be written", lines,
                     lines == 1 ? "line was" : "lines were");
}

}  // namespace efs::log
