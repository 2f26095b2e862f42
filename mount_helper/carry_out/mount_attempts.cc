#include "carry_out/mount_attempts.h"

#include <fmt/core.h>
#include <unistd.h>

#include <random>

#include "efs/base/interrupt.h"
#include "efs/base/log.h"
#include "efs/base/output.h"
#include "efs/base/random.h"
#include "efs/base/wait.h"

namespace efs::mount_helper {
namespace {

Status announceRetry(int attempt, int count, const std::string& what, const Error& error) {
  // 1.5^attempt seconds and up to one more; a time-out has waited long enough already (NFS-5).
  Duration wait{0};
  if (error.kind() != ErrorKind::kTimeout) {
    RandomSource random;
    wait = Duration(1000);
    for (int i = 0; i < attempt; ++i) wait += wait / 2;
    wait += Duration(std::uniform_int_distribution<>(0, 1000)(random));
  }
  const std::string line =
      fmt::format("Mount attempt {}/{} failed due to {}, wait {:.1f} sec before next attempt.",
                  attempt, count, error.message(), static_cast<double>(wait.count()) / 1000);
  log::error("mount attempt {}/{} of {}: {}", attempt, count, what, error.describe());
  say(STDERR_FILENO, line + "\n");
  return sleepFor(wait);
}

}  // namespace

AttemptRules attemptRules(const settings::MountSettings& settings, Duration last) {
  AttemptRules rules;
  rules.count = settings.retry_nfs_mount ? settings.retry_nfs_mount_count : 1;
  rules.patience = settings.retry_nfs_mount_timeout;
  rules.last = last;
  return rules;
}

Status tryToMount(const AttemptRules& rules, const std::string& what,
                  const std::function<Status(Duration patience)>& attempt,
                  const std::function<bool(const Error&)>& again) {
  for (int number = 1;; ++number) {
    const bool last = number >= rules.count;
    Status done = attempt(last ? rules.last : rules.patience);
    if (done || last || !again(done.error())) return done;
    // After the attempt, which undid its own part.
    if (interrupted() != 0) return interruptedError();
    EFS_CHECK(announceRetry(number, rules.count, what, done.error()));
  }
}

}  // namespace efs::mount_helper
