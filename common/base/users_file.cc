#include "efs/base/users_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <map>
#include <optional>

#include "efs/base/ask_child.h"
#include "efs/base/text.h"

namespace efs {
namespace {

constexpr Duration kRest{30000};

std::string askedDirectory(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash + 1);
}

// Directories that have not answered.
class Silent {
 public:
  bool has(const std::string& path) {
    const auto found = since_.find(askedDirectory(path));
    return found != since_.end() && SystemClock().monotonic() - found->second < kRest;
  }
  void add(const std::string& path) { since_[askedDirectory(path)] = SystemClock().monotonic(); }

 private:
  std::map<std::string, MonoTime> since_;
};

Silent& silent() {
  static Silent instance;
  return instance;
}

Error noAnswer(const std::string& path) {
  return Error(ErrorKind::kTimeout, printable(path, 300) + " does not answer")
      .addHint("a file system on its path is silent; findmnt shows them");
}

// "<kind> <errno>\n<hint>\n<message>"; empty: success.
std::string encode(const Error& error) {
  return std::to_string(static_cast<int>(error.kind())) + " " + std::to_string(error.osError()) +
         "\n" + error.hint() + "\n" + error.message();
}

Error decode(const std::string& text) {
  const auto first = text.find('\n');
  const auto second = first == std::string::npos ? first : text.find('\n', first + 1);
  const auto blank = text.find(' ');
  if (second == std::string::npos || blank > first) {
    return {ErrorKind::kInternal, "a child's answer is not understood"};
  }
  const auto kind = static_cast<ErrorKind>(parseInt(text.substr(0, blank)).value_or(0));
  const auto os_error = parseInt(text.substr(blank + 1, first - blank - 1)).value_or(0);
  std::string message = text.substr(second + 1);
  Error error(kind, message);
  if (os_error != 0) {
    const std::string reason = ": " + errnoText(static_cast<int>(os_error));
    if (message.ends_with(reason)) message.erase(message.size() - reason.size());
    error = Error::fromErrno(static_cast<int>(os_error), message);
  }
  if (const auto hint = text.substr(first + 1, second - first - 1); !hint.empty()) {
    error.addHint(hint);
  }
  return error;
}

// Is it there? What the kernel remembers of a silent server's file is no answer: its first byte is
// asked for. Nothing but files and directories is opened; a device might do who knows what.
bool touch(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return false;
  if (!S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode)) return true;
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  char byte = 0;
  if (fd.valid() && S_ISREG(info.st_mode)) (void)!::read(fd.get(), &byte, 1);
  return true;
}

// nullopt: no child could be made.
std::optional<Status> inChild(const std::string& path, Duration patience, int kept,
                              const std::function<Status()>& body) {
  if (silent().has(path)) return noAnswer(path);
  ChildRules rules{.heeds_noticed_interrupt = true};
  if (kept >= 0) rules.kept_fds = {kept};
  const auto asked = askChild(
      patience,
      [&body](int out) {
        const Status done = body();
        return done || writeAll(out, encode(done.error()), "answer") ? 0 : 1;
      },
      rules);
  if (!asked) return std::nullopt;
  if (asked->end == ChildAnswer::End::kTimedOut) {
    silent().add(path);
    return noAnswer(path);
  }
  if (auto exited = asked->exited(path); !exited) return exited;
  return asked->text.empty() ? Status() : Status(decode(asked->text));
}

}  // namespace

Result<std::string> readUsersFile(const std::string& path, std::size_t limit, Duration patience) {
  // No pipe: a file may be longer than what fits into one.
  const UniqueFd content(::memfd_create("efs-file", MFD_CLOEXEC));
  if (!content.valid()) return readRegularFile(path, limit);
  const auto read = inChild(path, patience, content.get(), [&]() -> Status {
    EFS_TRY(text, readRegularFile(path, limit));
    return writeAll(content.get(), text, "a copy of " + path);
  });
  if (!read) return readRegularFile(path, limit);
  if (!*read) return read->error();
  if (::lseek(content.get(), 0, SEEK_SET) != 0) return Error::fromErrno(errno, "reading " + path);
  return readAll(content.get(), path, limit);
}

Status writeUsersFile(const std::string& path, std::string_view content, WriteOptions options,
                      Duration patience) {
  const auto write = [&] { return writeFileAtomic(path, content, options); };
  const auto written = inChild(path, patience, -1, write);
  return written ? *written : write();
}

Result<bool> usersPathExists(const std::string& path, Duration patience) {
  const auto look = [&]() -> Status {
    return touch(path) ? Status() : Status(Error::fromErrno(ENOENT, path));
  };
  const auto seen = inChild(path, patience, -1, look);
  if (!seen) return touch(path);
  if (*seen) return true;
  if (seen->error().kind() != ErrorKind::kNotFound) return seen->error();
  return false;
}

Status usersPathAnswers(const std::string& path, Duration patience) {
  const auto there = usersPathExists(path, patience);
  return there ? Status() : Status(there.error());
}

}  // namespace efs
