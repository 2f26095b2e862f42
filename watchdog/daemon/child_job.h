// ChildJob: work that may wait (network, a mount that hangs), done by a forked child with a
// deadline. The loop only sees the child end. The child inherits nothing but its pipe: neither the
// lock of the state directory nor a listening socket may live on in it.
#pragma once

#include <functional>
#include <string>

#include "efs/base/result.h"
#include "efs/base/subprocess.h"

namespace efs::watchdog {

class ChildJob {
 public:
  // The answer, at most 4 KiB of it; an error crosses with its kind and text.
  using Body = std::function<Result<std::string>()>;
  // After `deadline_s` seconds the kernel ends the child (alarm(2)), wherever it waits.
  static Result<ChildJob> start(unsigned deadline_s, const Body& body);

  // Readable when the child has ended.
  int pidFd() const { return child_.pidFd(); }
  // After that: reaps the child. kTimeout: the deadline ended it.
  Result<std::string> finish();
  // Ends it without waiting; reap it with finish() when pidFd() tells.
  void kill() const { (void)child_.signal(9); }

 private:
  ChildJob(Subprocess child, UniqueFd answer, unsigned deadline_s)
      : child_(std::move(child)), answer_(std::move(answer)), deadline_s_(deadline_s) {}
  Subprocess child_;
  UniqueFd answer_;
  unsigned deadline_s_;
};

}  // namespace efs::watchdog
