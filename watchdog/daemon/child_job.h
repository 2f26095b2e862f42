// ChildJob: work that may wait (network, a mount that hangs), done by a forked child with a
// deadline. The loop only sees the child end.
#pragma once

#include <functional>
#include <string>
#include <utility>

#include "efs/base/ask_child.h"
#include "efs/base/result.h"

namespace efs::watchdog {

class ChildJob {
 public:
  // The answer, at most 4 KiB of it; an error crosses with its kind and text.
  using Body = std::function<Result<std::string>()>;
  // kOurs: it ends with us, since nobody else would take its answer. kOwn: it ends what it began,
  // also while the watchdog is started again: half a remount is worse than one told to nobody.
  enum class Life { kOurs, kOwn };
  // After `deadline_s` seconds the kernel ends the child (alarm(2)), wherever it waits.
  static Result<ChildJob> start(unsigned deadline_s, const Body& body, Life life = Life::kOwn);

  // Readable when the child has ended.
  int pidFd() const { return child_.pidFd(); }
  // After that: reaps the child. kTimeout: the deadline ended it.
  Result<std::string> finish();
  // Ends it without waiting; reap it with finish() when pidFd() tells.
  void kill() const { child_.kill(); }

 private:
  ChildJob(ChildWork child, unsigned deadline_s)
      : child_(std::move(child)), deadline_s_(deadline_s) {}
  ChildWork child_;
  unsigned deadline_s_;
};

}  // namespace efs::watchdog
