#include "efs/base/log.h"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <memory>

#include "efs/base/text.h"
#include "rotating_sink.h"

namespace efs::log {
namespace {

// The one piece of global state of the house: a process has one log.
struct State {
  spdlog::sink_ptr main_sink;
  spdlog::sink_ptr stderr_sink;
  Level level = Level::kOff;
  Form form = Form::kHelper;
};
State& state() {
  static State instance;
  return instance;
}

spdlog::level::level_enum toSpdlog(Level level) {
  switch (level) {
    case Level::kDebug:
      return spdlog::level::debug;
    case Level::kInfo:
      return spdlog::level::info;
    case Level::kWarning:
      return spdlog::level::warn;
    case Level::kError:
      return spdlog::level::err;
    case Level::kCritical:
      return spdlog::level::critical;
    case Level::kOff:
      break;
  }
  return spdlog::level::off;
}

// Python's level names, which log collectors match; the tunnel says WARN, as the Rust proxy did.
class LevelName final : public spdlog::custom_flag_formatter {
 public:
  explicit LevelName(Form form) : form_(form) {}
  void format(const spdlog::details::log_msg& message, const std::tm&,
              spdlog::memory_buf_t& out) override {
    const std::string_view name = text(message.level);
    out.append(name.data(), name.data() + name.size());
  }
  std::unique_ptr<custom_flag_formatter> clone() const override {
    return std::make_unique<LevelName>(form_);
  }

 private:
  std::string_view text(spdlog::level::level_enum level) const {
    switch (level) {
      case spdlog::level::debug:
        return "DEBUG";
      case spdlog::level::info:
        return "INFO";
      case spdlog::level::warn:
        return form_ == Form::kTunnel ? "WARN" : "WARNING";
      case spdlog::level::err:
        return "ERROR";
      default:
        return "CRITICAL";
    }
  }
  Form form_;
};

// Abbreviation of the time zone, as strftime's %Z; spdlog 1.10 prints the letters "%Z" themselves.
class ZoneName final : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg&, const std::tm& time,
              spdlog::memory_buf_t& out) override {
    const std::string_view zone(time.tm_zone == nullptr ? "" : time.tm_zone);
    out.append(zone.data(), zone.data() + zone.size());
  }
  std::unique_ptr<custom_flag_formatter> clone() const override {
    return std::make_unique<ZoneName>();
  }
};

std::unique_ptr<spdlog::formatter> makeFormatter(Form form) {
  const bool tunnel = form == Form::kTunnel;
  auto formatter = std::make_unique<spdlog::pattern_formatter>(
      tunnel ? spdlog::pattern_time_type::utc : spdlog::pattern_time_type::local);
  formatter->add_flag<LevelName>('*', form);
  formatter->add_flag<ZoneName>('Z');
  formatter->set_pattern(tunnel ? "%Y-%m-%dT%H:%M:%S.%eZ %P %* efs_proxy %v"
                                : "%Y-%m-%d %H:%M:%S %Z - %* - %v");
  return formatter;
}

std::string oneLine(std::string_view message) {
  std::string line(message);
  for (char& c : line) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = '?';
  }
  return line;
}

}  // namespace

Status open(const Config& config) {
  spdlog::sink_ptr sink;
  if (config.path.empty()) {
    sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  } else {
    EFS_TRY(file, RotatingSink::create(config));
    sink = std::move(file);
  }
  sink->set_formatter(makeFormatter(config.form));
  state().main_sink = std::move(sink);
  state().level = config.level;
  state().form = config.form;
  return {};
}

void alsoToStderr(Level level) {
  auto sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  sink->set_formatter(makeFormatter(state().form));
  sink->set_level(toSpdlog(level));
  state().stderr_sink = std::move(sink);
}

void setLevel(Level level) { state().level = level; }

bool enabled(Level level) {
  return level >= state().level && (state().main_sink || state().stderr_sink);
}

std::optional<Level> parseLevel(std::string_view name) {
  const std::string lower = toLower(name);
  if (lower == "debug") return Level::kDebug;
  if (lower == "info") return Level::kInfo;
  if (lower == "warning" || lower == "warn") return Level::kWarning;
  if (lower == "error") return Level::kError;
  if (lower == "critical" || lower == "fatal") return Level::kCritical;
  if (lower == "off") return Level::kOff;
  return std::nullopt;
}

void write(Level level, std::string_view message) {
  if (!enabled(level)) return;
  const std::string line = oneLine(message);
  const spdlog::details::log_msg entry("efs", toSpdlog(level), line);
  for (const auto& sink : {state().main_sink, state().stderr_sink}) {
    if (!sink || !sink->should_log(entry.level)) continue;
    try {
      sink->log(entry);
    } catch (const std::exception&) {
      // spdlog reports a failed write by exception; a lost log line must not end a mount.
    }
  }
}

}  // namespace efs::log
