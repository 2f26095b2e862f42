#include "carry_out/mount_retry.h"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <random>

#include "carry_out/existing_mount.h"
#include "carry_out/mount_session.h"
#include "efs/base/ask_child.h"
#include "efs/base/interrupt.h"
#include "efs/base/log.h"
#include "efs/base/random.h"
#include "efs/base/wait.h"
#include "request/persistence.h"

namespace efs::mount_helper {
namespace {

double chance() {
  RandomSource random;
  return std::uniform_real_distribution<>(0, 1)(random);
}

// Mounts again until it works, fails for good, is told to stop, or `attempt.until` has passed.
Outcome tryAgain(const MountRequest& request, const MountContext& context, MountAttempt attempt,
                 Outcome outcome) {
  // What is mounted there now came while we tried, so "already mounted" may be somebody else's.
  attempt.repeated = true;
  for (int count = 2; worthAnother(attempt, outcome); ++count) {
    const Duration pause = std::min(pauseBefore(count, chance()), attempt.until.left());
    log::info("mounting {} again in {:.1f} s (attempt {})", request.mountpoint,
              static_cast<double>(pause.count()) / 1000, count);
    if (const auto slept = sleepFor(pause); !slept) return mountFailed(slept.error());
    outcome = attemptMount(request, context, attempt);
    if (outcome.code != 0) log::error("attempt {}: {}", count, outcome.err);
  }
  return outcome;
}

Outcome goOnInBackground(const MountRequest& request, const MountContext& context,
                         const MountAttempt& attempt, const Outcome& first) {
  // It must hold nothing of its caller: terminal, output, directory (EX-3).
  const ChildRules alone{.ends_with_parent = false, .keeps_output = false};
  const auto go_on = [&](int /*out*/) {
    // Not to keep busy the file system from which mount(8) was called.
    (void)!::chdir("/");
    catchInterrupts();
    const Outcome outcome = tryAgain(request, context, attempt, first);
    if (outcome.code != 0) log::error("giving up on {}: {}", request.mountpoint, outcome.err);
    (void)log::finish(log::kFinishPatience);
    return outcome.code;
  };
  // After the first attempt, in the foreground: a wrong option or a refused identity is told at
  // once.
  const auto child = ChildWork::start(go_on, alone);
  if (!child) return mountFailed(child.error());
  const auto minutes = std::chrono::duration_cast<std::chrono::minutes>(attempt.until.left());
  Outcome outcome;
  outcome.notice = fmt::format(
      "{}; trying again in the background for up to {} minutes (process {}, mount option bg)",
      first.err, minutes.count() + 1, child->pid());
  return outcome;
}

}  // namespace

Outcome mountWithRetries(const MountRequest& request, const MountContext& context) {
  if (request.remount) return remount(request);
  const auto wish = Persistence::fromOptions(request.nfs_options);
  const MountAttempt attempt{Deadline(context.clock, wish.limit), wish.background,
                             wish.repeats && !request.fake};
  Outcome outcome = attemptMount(request, context, attempt);
  if (!worthAnother(attempt, outcome)) return outcome;
  if (attempt.background) return goOnInBackground(request, context, attempt, outcome);
  log::error("attempt 1: {}", outcome.err);
  return tryAgain(request, context, attempt, outcome);
}

}  // namespace efs::mount_helper
