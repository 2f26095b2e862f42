#include "efs/base/log.h"

#include <limits.h>
#include <unistd.h>

#include <array>
#include <ctime>

#include "efs/base/environment.h"
#include "efs/base/files.h"
#include "efs/base/log_file.h"
#include "efs/base/log_start.h"
#include "efs/base/output.h"
#include "efs/base/programs.h"
#include "efs/base/text.h"
#include "efs/base/users_file.h"
#include "log_channel.h"

namespace efs::log {
namespace {

constexpr const char* kWriterProgram = "efs-log-writer";
constexpr Duration kWriterStart{200};
constexpr Duration kDiskLook{2000};

// The one piece of global state of the house: a process has one log. At most one of the two is
// there; without both, lines go to standard error once it was opened.
struct State {
  bool opened = false;
  std::optional<LogChannel> channel;
  std::optional<LogFile> file;
  Level level = Level::kOff;
  Form form = Form::kHelper;
};
State& state() {
  static State instance;
  return instance;
}

std::string ownDirectory() {
  std::array<char, PATH_MAX> path{};
  const ssize_t length = ::readlink("/proc/self/exe", path.data(), path.size());
  if (length <= 0) return {};
  const std::string exe(path.data(), static_cast<std::size_t>(length));
  return exe.substr(0, exe.rfind('/'));
}

// Beside us, so that both are of one build; else where packages put programs.
std::string findWriter() {
  const std::string packages = "/usr/bin:/usr/sbin:/usr/local/bin:/usr/local/sbin";
  std::string found = findProgram(kWriterProgram, ownDirectory() + ":" + packages);
  if (!found.empty()) return found;
  return findUsersProgram(kWriterProgram, environmentVariable("PATH").value_or("")).value_or("");
}

bool openChannel(const Config& config, const LogPlace& place) {
  if (config.writer == Writer::kOwn || config.state_dir.empty() || place.path.front() != '/')
    return false;
  // Such a line is never accepted; opening the file says why.
  if (place.path.size() >= PATH_MAX || place.path.find('\0') != std::string::npos) return false;
  if (state().channel && state().channel->stateDirectory() == config.state_dir) {
    state().channel->setPlace(place);
    return true;
  }
  const std::string program = findWriter();
  if (program.empty() || writerSocket(config.state_dir).size() > kMaxSocketPath) return false;
  state().channel.emplace(place, config.state_dir, program);
  if (place.form == Form::kHelper) state().channel->awaitWriter(kWriterStart);
  return true;
}

// The shared writer waits for a silent disk, and only the writer does; here the program itself
// would.
Status openFile(const Config& config, LogPlace place) {
  EFS_CHECK(usersPathAnswers(place.path, kDiskLook));
  LogFile file(std::move(place),
               config.state_dir.empty() ? std::string() : rotationLock(config.state_dir));
  EFS_CHECK(file.open());
  state().file.emplace(std::move(file));
  state().channel.reset();
  return {};
}

}  // namespace

Status open(const Config& config) {
  ::tzset();  // reads the zone's file now, not with the first line
  const LogPlace place{config.path, config.form, config.max_bytes, config.file_count};
  if (config.path.empty()) {
    state().file.reset();
    state().channel.reset();
  } else if (openChannel(config, place)) {
    state().file.reset();
  } else {
    EFS_CHECK(openFile(config, place));
  }
  state().opened = true;
  state().level = config.level;
  state().form = config.form;
  return {};
}

void setLevel(Level level) { state().level = level; }

bool enabled(Level level) { return level >= state().level && state().opened; }

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

// A lost line must not end a mount.
void write(Level level, std::string_view message) {
  if (!enabled(level)) return;
  const std::string line = formatLine(state().form, level, message, SystemClock().now());
  if (state().channel) {
    state().channel->push(line);
  } else if (state().file) {
    (void)state().file->append(line);
  } else {
    say(STDERR_FILENO, line, Duration(0));
  }
}

void startNoWriter() {
  if (state().channel) state().channel->start(LogChannel::Start::kNever);
}

void keepWriter() {
  if (state().channel) state().channel->start(LogChannel::Start::kAlways);
}

std::optional<Duration> pump() { return state().channel ? state().channel->pump() : std::nullopt; }

void leaveParent() {
  if (state().channel) state().channel->checkOwner();
  if (state().file) state().file->release();
}

Status finish(Duration patience) {
  return state().channel ? state().channel->finish(patience) : Status{};
}

}  // namespace efs::log
