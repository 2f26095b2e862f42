#include "carry_out/direct_mount.h"

#include "carry_out/mount_attempts.h"
#include "carry_out/mount_times.h"
#include "efs/base/log.h"
#include "facts/fallback_target.h"
#include "plan/direct_plan.h"
#include "trial/diagnosis.h"

namespace efs::mount_helper {

Result<mounts::MountOutcome> mountFromTarget(const MountRequest& request, const MountTarget& target,
                                             const MountContext& context,
                                             const MountAttempt& attempt,
                                             mounts::MountRules rules) {
  const mounts::NfsMountRequest nfs = planDirectMount(request, target);
  log::info("no tunnel: \"{}\" without tls mounts straight from {}",
            request.no_tunnel ? "notunnel"
            : request.stunnel ? "stunnel"
                              : "ocsp",
            nfs.source);
  const auto reach = [&context](const auto& ips) { return reachTargets(ips, context.clock); };
  const auto& settings = context.settings.mount;
  const MountTimes times(settings, attempt.until, attempt.background);
  mounts::MountOutcome outcome;
  const Status done = tryToMount(
      attemptRules(settings, times.lastTry()), nfs.source + " at " + nfs.target,
      [&](Duration patience) -> Status {
        // A silent target has a name here and only an errno in mount(2).
        if (!nfs.options.has("port")) EFS_CHECK(firstReachable({nfs.address}, reach));
        log::info(
            "Executing: \"/sbin/mount.nfs4 {} {} -o {}\" as a system call with {} sec time limit.",
            nfs.source, nfs.target, nfs.options.text(), patience.count() / 1000);
        // mount(2) has no deadline of its own: the child that makes it gets this one.
        rules.patience = patience;
        EFS_TRY(mounted, context.kernel.mount(nfs, rules));
        outcome = mounted;
        return {};
      },
      [&](const Error& error) { return worthRetrying(error, request); });
  if (!done) return done.error();
  return outcome;
}

}  // namespace efs::mount_helper
