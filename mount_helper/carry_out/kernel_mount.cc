#include "carry_out/kernel_mount.h"

#include <cerrno>

#include "carry_out/client_name.h"
#include "carry_out/local_denial.h"
#include "carry_out/mount_attempts.h"
#include "efs/base/files.h"
#include "efs/base/interrupt.h"
#include "efs/base/log.h"
#include "efs/base/text.h"
#include "efs/mounts/target_directory.h"
#include "efs/net/socket.h"
#include "efs/rpc/nfs_probe.h"
#include "trial/diagnosis.h"

namespace efs::mount_helper {

using mounts::MountOutcome;

mounts::MountRules mountRules(const MountContext& context) {
  mounts::MountRules rules;
  if (context.settings.mount.classic_mount_api) rules.api = mounts::MountApi::kClassic;
  rules.target_lock = context.store.locks().targets;
  return rules;
}

MountTimes KernelMount::times() const {
  return {parts_.context.settings.mount, parts_.attempt.until, parts_.attempt.background};
}

Error KernelMount::attemptFailure(const Error& cause) {
  // Whatever the tunnel has to say about its own troubles meanwhile.
  if (interrupted() != 0) return interruptedError();
  // The tunnel writes its reason before it closes our connection, so it is there already.
  parts_.tunnel.readStatus(Duration(100));
  return explain(cause, {parts_.request, parts_.facts.target, parts_.tunnel.peer(),
                         signerOf(parts_.facts.credentials), parts_.tunnel.failure()});
}

// Asks the server, through the tunnel, what the kernel is about to ask: a failure has a name here
// and only an errno in mount(2).
Status KernelMount::preflight(Duration patience) {
  const int port = parts_.facts.port;
  const auto self = net::Endpoint::fromLiteral("127.0.0.1", static_cast<std::uint16_t>(port));
  auto connection = net::connectTcp(*self, Duration(1000));
  if (!connection) {
    log::warning("Error connecting to 127.0.0.1:{}: {}", port, connection.error().describe());
    const ErrorKind kind = connection.error().kind();
    // The listener is ours: whoever cannot reach it has no loopback, and the mount target is not to
    // blame.
    if (kind == ErrorKind::kTimeout || kind == ErrorKind::kUnreachable) {
      return Error(connection.error())
          .addContext("the tunnel on this host's own loopback cannot be reached")
          .addHint("is it up? `ip link set lo up`; or a local firewall drops 127.0.0.1");
    }
    return attemptFailure(connection.error());
  }
  // What it said of an earlier connection is not why this one fails.
  parts_.tunnel.forgetFailure();
  auto probe = rpc::probeNfs(connection->get(), parts_.context.clock, patience);
  if (!probe) return attemptFailure(probe.error());
  parts_.tunnel.readStatus(Duration(0));
  log::debug("server owner {}", printable(probe->server_owner));
  return {};
}

Result<MountOutcome> KernelMount::mountOnce(Duration patience) {
  if (interrupted() != 0) return interruptedError();
  const mounts::NfsMountRequest& nfs = parts_.plan.nfs;
  log::info("Executing: \"/sbin/mount.nfs4 {} {} -o {}\" as a system call with {} sec time limit.",
            nfs.source, nfs.target, nfs.options.text(), patience.count() / 1000);
  parts_.tunnel.forgetFailure();
  parts_.context.stages.end("ready");
  mounts::MountRules rules = mountRules(parts_.context);
  rules.patience = patience;
  // By the port the result is recognized as ours; a merged mount shows another one.
  rules.own_port = parts_.facts.port;
  auto mounted = parts_.context.kernel.mount(nfs, rules);
  if (mounted) return mounted;
  // The server has said yes a moment ago, and says no with EACCES.
  if (mounted.error().osError() == EPERM && interrupted() == 0) {
    return localDenial(mounted.error(), readFile("/proc/self/status").value_or(""));
  }
  return attemptFailure(mounted.error());
}

// Under the name of this very mount, so that the kernel merges it with no other one, or under a
// name never used before. Where the kernel takes no name, the port alone must make the difference.
Result<MountOutcome> KernelMount::mountAs(const Namer& namer, Duration patience) {
  const MountContext& context = parts_.context;
  // Kept until mount(2) has returned: the kernel reads the name when it makes the client.
  const auto own =
      takeName(context.store, context.clock, times().lock(), namer, context.kernel.identifier);
  // Under the name that is there at the moment it would be another mount's client.
  if (!own && own.error().kind() != ErrorKind::kUnsupported) return own.error();
  if (!own) log::debug("no client identifier of its own: {}", own.error().describe());
  return mountOnce(MountTimes::underLock(patience));
}

// The lock of the identifier is kept for a while only, so a long try is several.
Result<MountOutcome> KernelMount::mountWithin(const Namer& namer, Duration patience) {
  const Deadline deadline(parts_.context.clock, patience);
  while (true) {
    // Before each try, not once: what was true a minute ago need not be.
    EFS_CHECK(preflight(times().usual()));
    parts_.context.stages.end("pre-flight");
    auto done = mountAs(namer, patience);
    const bool silent =
        !done && done.error().kind() == ErrorKind::kTimeout && parts_.tunnel.alive();
    if (!silent || patience <= mounts::kIdentifierHold || deadline.passed()) return done;
    log::info("mounting {} again: {}", parts_.request.mountpoint, done.error().describe());
  }
}

Result<MountOutcome> KernelMount::mountInTries() {
  const MountContext& context = parts_.context;
  const auto name = clientNamer(parts_.request, context.settings, context.store);
  MountOutcome outcome;
  EFS_CHECK(tryToMount(
      attemptRules(context.settings.mount, times().lastTry()),
      parts_.facts.target.dns_name + " at " + parts_.request.mountpoint,
      [&](Duration patience) -> Status {
        auto done = mountWithin(name, patience);
        if (!done && !parts_.tunnel.alive()) {
          done.error().addContext("the tunnel died during the mount");
        }
        EFS_TRY(mounted, std::move(done));
        outcome = mounted;
        return {};
      },
      [&](const Error& error) {
        return parts_.tunnel.alive() && worthRetrying(error, parts_.request);
      }));
  return outcome;
}

// The name of this mount was taken already, by a mount beneath this one or one that is detached but
// in use: the kernel would go through that one's tunnel, with its identity, and hang when that one
// goes. Such a mount is dropped before anybody sees it. A mount that another process makes in the
// same moment may present itself with our name and be merged with ours; then again.
Result<MountOutcome> KernelMount::mountApart(MountOutcome merged) {
  constexpr int kTries = 5;
  for (int attempt = 1; attempt <= kTries; ++attempt) {
    log::info("the kernel merged the mount at {} with the one on port {}",
              parts_.request.mountpoint, merged.merged_with);
    EFS_TRY(outcome, mountAs([](const std::string&) { return mounts::randomClientIdentifier(); },
                             parts_.context.settings.mount.retry_nfs_mount_timeout));
    if (outcome.how != MountOutcome::How::kMerged) return outcome;
    merged = outcome;
  }
  return Error(ErrorKind::kBusy, "both servers give the same NFSv4.1 server owner");
}

Result<MountOutcome> KernelMount::make() {
  // Under the name of this mount, as after each reboot: the server then drops the locks of the
  // client that is gone at once.
  EFS_TRY(outcome, mountInTries());
  if (outcome.how != MountOutcome::How::kMerged) return outcome;
  return mountApart(outcome)
      .withContext("the kernel merged this mount with another one (trunking)")
      .withHint("unmount the other mount first, or mount it only once");
}

}  // namespace efs::mount_helper
