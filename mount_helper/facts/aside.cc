#include "facts/aside.h"

#include <signal.h>

#include <utility>

namespace efs::mount_helper {

void Aside::ask(std::function<void()> question) {
  // Signals are for the thread that everything else runs in: its waiting must end.
  sigset_t all{};
  sigset_t before{};
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  asking_ = std::async(std::launch::async | std::launch::deferred, [asked = std::move(question)] {
    log::KeptLines lines;
    asked();
    return lines.take();
  });
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void Aside::join() {
  if (!asking_.valid()) return;
  for (const auto& line : asking_.get()) log::write(line);
}

}  // namespace efs::mount_helper
