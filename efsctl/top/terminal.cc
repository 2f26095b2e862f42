#include "top/terminal.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "efs/base/files.h"
#include "efs/base/text.h"

namespace efs::efsctl {
namespace {

constexpr const char* kName = "the terminal";
// Another screen, without a cursor; and back.
constexpr std::string_view kEnter = "\033[?1049h\033[?25l";
constexpr std::string_view kLeave = "\033[?25h\033[?1049l";

}  // namespace

bool Terminal::present() { return ::isatty(STDIN_FILENO) != 0 && ::isatty(STDOUT_FILENO) != 0; }

Result<Terminal> Terminal::open() {
  termios before{};
  if (::tcgetattr(STDIN_FILENO, &before) != 0) return Error::fromErrno(errno, kName);
  termios raw = before;
  raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
  if (::tcsetattr(STDIN_FILENO, TCSANOW, &raw) != 0) return Error::fromErrno(errno, kName);
  Terminal terminal(before);
  EFS_CHECK(writeAll(STDOUT_FILENO, kEnter, kName));
  return terminal;
}

Terminal::Terminal(Terminal&& other) noexcept
    : before_(other.before_), owner_(std::exchange(other.owner_, false)) {}

Terminal::~Terminal() {
  if (!owner_) return;
  (void)writeAll(STDOUT_FILENO, kLeave, kName);
  (void)::tcsetattr(STDIN_FILENO, TCSANOW, &before_);
}

Terminal::Size Terminal::size() {
  winsize window{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) != 0 || window.ws_col == 0) return {};
  return {window.ws_col, window.ws_row};
}

Status Terminal::draw(const std::string& screen) {
  // Each line to its end, and what is left of the screen: nothing flickers.
  const std::string text = "\033[H" + replaceAll(screen, "\n", "\033[K\r\n") + "\033[K\033[J";
  return writeAll(STDOUT_FILENO, text, kName);
}

char Terminal::key() {
  pollfd entry{STDIN_FILENO, POLLIN, 0};
  char key = 0;
  if (::poll(&entry, 1, 0) <= 0 || ::read(STDIN_FILENO, &key, 1) != 1) return 0;
  return key;
}

}  // namespace efs::efsctl
