// Questions that may wait for ever (a look at a path whose server is silent, an unmount, a call to
// a service) are asked in a forked child: it has a deadline, and what it holds can never hold us
// up.
//
// The child has a session and process group of its own, so that no signal of the terminal ends it
// half-way, and none of our descriptors: no lock, no listening socket, no end of a pipe that
// somebody waits for lives on in one that cannot be killed. Its log lines go their own way.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "efs/base/clock.h"
#include "efs/base/result.h"
#include "efs/base/subprocess.h"
#include "efs/base/unique_fd.h"

namespace efs {

// Longer answers are cut. So many bytes fit into a pipe: the child never waits for its reader.
inline constexpr std::size_t kMaxChildAnswer = 65536;

struct ChildRules {
  // SIGKILL when we die, wherever it waits. Else it lives on and ends what it began.
  bool ends_with_parent = true;
  // Descriptors 0 to 2 stay ours: what a sanitizer has to say is seen. Without them the end of the
  // caller's output comes though the child cannot be killed (a mount, an unmount).
  bool keeps_output = true;
  // askChild(): killed also because of a signal that somebody has noticed before (interrupt.h).
  // Without it a question that undoes something is asked to its end.
  bool heeds_noticed_interrupt = false;
  // Descriptors of ours that the body needs; they keep their numbers.
  std::vector<int> kept_fds = {};
};

// One child at work, for whoever has a loop of its own. Only for single-threaded callers: what
// another thread has locked, strerror(3)'s lock as well as ours, stays locked in the child.
class ChildWork {
 public:
  // In the child. Writes the answer to `out`; its result is the exit code.
  using Body = std::function<int(int out)>;
  static Result<ChildWork> start(const Body& body, const ChildRules& rules = {});

  pid_t pid() const { return child_.pid(); }
  // Readable when the child has ended.
  int pidFd() const { return child_.pidFd(); }
  // Reaps it; nullopt when it still works after `patience`. kCancelled: interrupt.h.
  Result<std::optional<ExitStatus>> wait(Duration patience) { return child_.wait(patience); }
  // What it has written so far, and has not been read yet. Never waits.
  std::string answer() const;
  // SIGKILL, to be reaped by wait().
  void kill() const { (void)child_.signal(9); }
  void killAndReap() { child_.killAndReap(); }

 private:
  ChildWork(Subprocess child, UniqueFd answer)
      : child_(std::move(child)), answer_(std::move(answer)) {}
  Subprocess child_;
  UniqueFd answer_;
};

struct ChildAnswer {
  enum class End {
    kExited,     // by itself
    kKilled,     // by a signal that was not ours
    kTimedOut,   // at the deadline, by us
    kCancelled,  // by us, because we were asked to stop
  };
  End end = End::kExited;
  ExitStatus status;  // of kExited and kKilled
  std::string text;   // also what came before a kill

  // Success for kExited, whatever its code; else kTimeout, kCancelled or kInternal, with `what`.
  Status exited(const std::string& what) const;
};

// Waits for the child at most `patience`, nullopt = for ever, then kills it. The error is that no
// child could be started.
Result<ChildAnswer> askChild(std::optional<Duration> patience, const ChildWork::Body& body,
                             const ChildRules& rules = {});

}  // namespace efs
