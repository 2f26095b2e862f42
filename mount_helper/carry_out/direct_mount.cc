#include "carry_out/direct_mount.h"

#include "carry_out/client_name.h"
#include "carry_out/mount_attempts.h"
#include "carry_out/mount_times.h"
#include "efs/base/log.h"
#include "facts/fallback_target.h"
#include "plan/direct_plan.h"
#include "trial/diagnosis.h"

namespace efs::mount_helper {
namespace {

using mounts::MountOutcome;

const char* reasonOf(const MountRequest& request) {
  if (request.no_tunnel) return "notunnel";
  return request.stunnel ? "stunnel" : "ocsp";
}

class DirectMount {
 public:
  DirectMount(const MountRequest& request, const mounts::NfsMountRequest& nfs,
              const MountContext& context, const MountTimes& times, const mounts::MountRules& rules)
      : request_(request), nfs_(nfs), context_(context), times_(times), rules_(rules) {}

  Result<MountOutcome> within(Duration patience);

 private:
  Result<MountOutcome> once(Duration patience);
  Result<MountOutcome> underName(Duration patience);

  const MountRequest& request_;
  const mounts::NfsMountRequest& nfs_;
  const MountContext& context_;
  const MountTimes& times_;
  mounts::MountRules rules_;
};

Result<MountOutcome> DirectMount::once(Duration patience) {
  log::info("Executing: \"/sbin/mount.nfs4 {} {} -o {}\" as a system call with {} sec time limit.",
            nfs_.source, nfs_.target, nfs_.options.text(), patience.count() / 1000);
  // mount(2) has no deadline of its own: the child that makes it gets this one.
  rules_.patience = patience;
  return context_.kernel.mount(nfs_, rules_);
}

// The name that the kernel's client has by itself may be another host's as well. And while a mount
// through a tunnel is being made the kernel's file holds that one's name: under it this mount would
// be merged with that one and go with its tunnel. client_identifier = classic: as mount.nfs does.
// Where nothing can be locked no tunnel has its state either, and a plain mount needs nothing of
// us.
Result<MountOutcome> DirectMount::underName(Duration patience) {
  const bool nothing_to_lock = rules_.target_lock.empty();
  if (context_.settings.mount.classic_client_identifier || nothing_to_lock) return once(patience);
  const auto own = takeName(context_.store, context_.clock, times_.lock(),
                            clientNamer(request_, context_.settings, context_.store),
                            context_.kernel.identifier);
  if (!own && own.error().kind() != ErrorKind::kUnsupported) return own.error();
  return once(MountTimes::underLock(patience));
}

// The lock of the name is kept for a while only, so a long try is several.
Result<MountOutcome> DirectMount::within(Duration patience) {
  const Deadline deadline(context_.clock, patience);
  const auto reach = [this](const auto& ips) { return reachTargets(ips, context_.clock); };
  while (true) {
    // A silent target has a name here and only an errno in mount(2).
    if (!nfs_.options.has("port")) EFS_CHECK(firstReachable({nfs_.address}, reach));
    auto done = underName(patience);
    const bool silent = !done && done.error().kind() == ErrorKind::kTimeout;
    if (!silent || patience <= mounts::kIdentifierHold || deadline.passed()) return done;
    log::info("mounting {} again: {}", nfs_.target, done.error().describe());
  }
}

}  // namespace

Result<MountOutcome> mountFromTarget(const MountRequest& request, const MountTarget& target,
                                     const MountContext& context, const MountAttempt& attempt,
                                     const mounts::MountRules& rules) {
  const mounts::NfsMountRequest nfs = planDirectMount(request, target);
  log::info("no tunnel: \"{}\" without tls mounts straight from {}", reasonOf(request), nfs.source);
  const auto& settings = context.settings.mount;
  const MountTimes times(settings, attempt.until, attempt.background);
  DirectMount mount(request, nfs, context, times, rules);
  MountOutcome outcome;
  const Status done = tryToMount(
      attemptRules(settings, times.lastTry()), nfs.source + " at " + nfs.target,
      [&](Duration patience) -> Status {
        EFS_TRY(mounted, mount.within(patience));
        outcome = mounted;
        return {};
      },
      [&](const Error& error) { return worthRetrying(error, request); });
  if (!done) return done.error();
  return outcome;
}

}  // namespace efs::mount_helper
