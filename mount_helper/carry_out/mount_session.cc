#include "carry_out/mount_session.h"

#include "carry_out/direct_mount.h"
#include "carry_out/existing_mount.h"
#include "carry_out/kernel_mount.h"
#include "carry_out/local_cache.h"
#include "carry_out/report.h"
#include "carry_out/tunnel_port.h"
#include "carry_out/watchdog_start.h"
#include "efs/base/file_lock.h"
#include "efs/base/interrupt.h"
#include "efs/base/log.h"
#include "efs/base/users_file.h"
#include "efs/identity/client_certificate.h"
#include "efs/tunnel_control/tunnel_launcher.h"
#include "facts/network_wait.h"
#include "plan/direct_plan.h"
#include "request/persistence.h"
#include "trial/diagnosis.h"
#include "umount/tunnel_end.h"

namespace efs::mount_helper {
namespace {

using mounts::MountOutcome;

constexpr Duration kTunnelStart{30000};  // many mounts at boot; one that dies is seen at once
constexpr Duration kHandOver{2000};
constexpr Duration kUndoUnmount{5000};
constexpr Duration kPortPatience{3000};      // for the kernel's farewell to the server
constexpr Duration kNetworkPatience{60000};  // how long a boot may take to bring the network up

// Whether the state directory is there, and takes files.
Status canLock(const MountContext& context) {
  EFS_CHECK(context.store.create(context.settings.state_dir_mode));
  const auto lock = FileLock::tryAcquire(context.store.locks().identifier);
  return lock || lock.error().kind() == ErrorKind::kBusy ? Status{} : Status(lock.error());
}

}  // namespace

MountSession::MountSession(const MountRequest& request, const MountContext& context,
                           const MountAttempt& attempt)
    : request_(request),
      context_(context),
      attempt_(attempt),
      facts_finder_(request_, context.settings, context.clock) {}

Status MountSession::inNetwork(const std::function<Status()>& step) const {
  return network_ ? network_->run(step) : step();
}

Status MountSession::gatherFacts() {
  // The whole step may be repeated while a machine boots: what was found without a network is not
  // believed.
  facts_finder_.startOver();
  if (request_.netns) {
    EFS_TRY(network,
            net::NetworkNamespace::open(*request_.netns).withContext("mount option netns"));
    network_ = std::move(network);
    facts_finder_.connectIn(&*network_);
  }
  if (request_.device.fs_id.empty()) {
    EFS_TRY(name, facts_finder_.canonicalName());
    EFS_CHECK(adoptCanonicalName(request_, name));
  }
  EFS_TRY(region, facts_finder_.region());
  facts_.region = std::move(region);
  context_.stages.end("region");
  // Sent first, collected below: the answers come while credentials are looked for.
  facts_finder_.startLookups(facts_.region);
  // While DNS works; what came of it is asked below.
  if (request_.iam && !request_.fake) (void)facts_finder_.credentials(facts_.region);
  context_.stages.end("credentials");
  EFS_TRY(target, facts_finder_.mountTarget(facts_.region));
  facts_.target = std::move(target);
  context_.stages.end("target");
  facts_.host_name = hostName();
  return {};
}

// What a TLS mount needs from this host, told before anything is started.
Status MountSession::checkTlsSettings() const {
  if (!request_.tls) return {};
  const auto settings = context_.settings.forRegion(facts_.region);
  const std::string ca_file = request_.ca_file.value_or(settings.ca_file);
  const bool verifies = request_.verify.value_or(2) != 0;
  if (!verifies) return {};
  EFS_TRY(there, usersPathExists(ca_file));
  if (there) return {};
  log::error("Failed to find CAfile {}", ca_file);
  return caFileMissing(ca_file);
}

Status MountSession::findCredentials() {
  if (!request_.iam) return {};
  EFS_TRY(credentials, facts_finder_.credentials(facts_.region));
  facts_.credentials = std::move(credentials);
  facts_.credentials_origin = facts_finder_.credentialsOrigin();
  log::info("signing with {}", signerOf(facts_.credentials));
  return {};
}

// The port belongs to us before anything is named after it.
Status MountSession::listen() {
  EFS_TRY(listener,
          listenForTunnel(request_, context_.settings.mount, context_.store, context_.kernel));
  listener_ = std::move(listener);
  log::info("binding {}", listener_.port);
  own_mount_.emplace(listener_.port, context_.kernel);
  facts_.port = listener_.port;
  return {};
}

// Certificate, tunnel configuration and "~" state: from here on the port is reserved for other
// helpers too.
Status MountSession::writeFiles() {
  const auto& store = context_.store;
  // Before the first file: whatever of them is written when a step fails, all goes.
  rollback_.onFailure([this] { (void)context_.store.removeMount(plan_.paths.name, &plan_.state); });
  state::MountFiles files{.tunnel_config = plan_.tunnel_config_text};
  if (plan_.certificate) {
    EFS_TRY(key, identity::loadOrCreatePrivateKey(identity::kPrivateKeyPath,
                                                  store.locks().private_key, context_.clock));
    EFS_TRY(certificate,
            identity::makeClientCertificate(*plan_.certificate, key, context_.clock.now()));
    files.certificate = std::move(certificate.pem);
  }
  EFS_CHECK(store.writeFiles(plan_.paths.name, files));
  // The lock before the state: whoever reads a "~" state without it takes us for dead.
  EFS_TRY(sign_of_life, store.holdPending(plan_.paths.name));
  sign_of_life_ = std::move(sign_of_life);
  return store.writePending(plan_.paths.name, plan_.state);
}

Status MountSession::startTunnel() {
  auto tunnel = OwnTunnel::start(plan_, listener_, context_.clock, kTunnelStart);
  if (!tunnel) {
    log::error("Failed to start tunnel (errno={}): {}", tunnel.error().osError(),
               tunnel.error().describe());
    return std::move(tunnel.error())
        .addContext("Failed to initialize tunnel for " + facts_.target.dns_name);
  }
  tunnel_ = std::move(*tunnel);
  // Newest first: the tunnel ends before the files go by which a watchdog would find it.
  rollback_.onFailure([this] { endTunnel(); });
  // Before the mount: a watchdog that finds us dead must know whom to end.
  plan_.state.pid = tunnel_->pid();
  return context_.store.writePending(plan_.paths.name, plan_.state);
}

// All that must be there before the kernel is asked. Each step's failure is the program's (code 1).
Status MountSession::prepareTunnel() {
  EFS_TRY(binary, tunnel_control::findTunnelBinary());
  facts_.tunnel_binary = binary;
  EFS_CHECK(findCredentials());
  // Before the watchdog: its lock and its socket are in there.
  EFS_CHECK(context_.store.create(context_.settings.state_dir_mode));
  if (!context_.settings.watchdog.enabled) {
    log::info("amazon-efs-mount-watchdog is disabled, none is started");
  } else if (auto started = ensureWatchdog(context_.store, context_.clock); !started) {
    log::warning("Could not start amazon-efs-mount-watchdog: {}", started.error().describe());
  }
  // What was started so far serves other mounts too; from here on there is something to undo.
  if (interrupted() != 0) return interruptedError();
  context_.stages.end("watchdog");
  // The port before the plan: names of files, states and of the mount itself contain it.
  EFS_CHECK(inNetwork([this] { return listen(); }));
  plan_ = planMount(request_, facts_, context_.settings,
                    context_.store.paths(mountNameOf(request_, facts_)), context_.clock.now());
  EFS_CHECK(writeFiles());
  context_.stages.end("files");
  EFS_CHECK(inNetwork([this] { return startTunnel(); }));
  context_.stages.end("tunnel");
  return {};
}

Status MountSession::mountInKernel() {
  KernelMount kernel({request_, facts_, plan_, context_, attempt_, *tunnel_});
  EFS_TRY(outcome, kernel.make());
  mounted_ = outcome;
  return {};
}

void MountSession::setReadAhead() const {
  if (!context_.settings.mount.optimize_readahead) return;
  const Status set = context_.kernel.set_read_ahead(mounted_.device, plan_.rsize);
  if (!set) log::warning("Failed to modify read_ahead_kb: {}", set.error().describe());
}

// A mount that failed has vanished, but its last words to the server go through the tunnel, and one
// that cannot be undone (busy, server gone) would hang for ever without.
void MountSession::endTunnel() {
  // The mount first: it says good bye to its server (DESTROY_SESSION) through this tunnel.
  bool unused = false;
  const auto looked = inNetwork([&]() -> Status {
    unused = own_mount_->undo(kUndoUnmount) &&
             portFallsSilent({facts_.port, true}, context_.clock, kPortPatience);
    return {};
  });
  if (looked && unused) return tunnel_->stop();
  log::error(
      "the kernel still uses port {} of the mount at {}; its tunnel stays, under the watchdog",
      facts_.port, request_.mountpoint);
  rollback_.commit();
  // Under its final name the watchdog keeps it like any other, until it is unmounted.
  (void)context_.store.publish(plan_.paths.name);
}

void MountSession::finish() {
  // From here on the mount stands; trouble is for the log and the watchdog.
  rollback_.commit();
  setReadAhead();
  const auto& store = context_.store;
  // Before the listener is handed over: the watchdog keeps one without a state file only for a
  // while.
  auto published = store.publish(plan_.paths.name);
  // The watchdog takes a mount it sees for finished if we are slow.
  if (!published && !store.read(plan_.paths.name)) {
    log::error("publishing the state file: {}", published.error().describe());
  }
  // A duplicate: a tunnel that dies is replaced behind a port that never closed.
  const Duration patience = context_.settings.watchdog.enabled ? kHandOver : Duration(0);
  auto handed = handOverListener(store, plan_.paths.name, listener_.fd, context_.clock, patience);
  if (!handed) {
    log::warning("no watchdog took over the tunnel of {}: {}", request_.mountpoint,
                 handed.error().describe());
  }
  log::info("Successfully mounted {} at {}", facts_.target.dns_name, request_.mountpoint);
}

Outcome MountSession::failed(int code, const Error& error) const {
  log::error("Failed to mount {} at {}: returncode={}, stderr=\"{}\"", facts_.target.dns_name,
             request_.mountpoint, code, error.describe());
  return {code, "", error.describe(), "", error.kind()};
}

Outcome MountSession::mountThroughTunnel() {
  if (request_.stunnel) {
    log::info("option stunnel: served by efs-proxy, which does what stunnel did for efs-utils");
  }
  if (request_.kind == FileSystemKind::kS3Files) {
    log::info("S3 Files: all is read through the mount target, as with nodirects3read");
  }
  if (auto ready = prepareTunnel(); !ready) return fatal(ready.error());
  const auto mounted = inNetwork([this] { return mountInKernel(); });
  context_.stages.end("mount");
  // Contract section 7: without its tunnel it is the helper that failed.
  if (!mounted) return failed(tunnel_->alive() ? kMountFailed : kFatal, mounted.error());
  if (mounted_.how == MountOutcome::How::kOccupied) {
    return overtaken(request_, plan_.nfs.source, context_.store);
  }
  finish();
  return {0, "", "", missingCacheNotice(request_.nfs_options)};
}

// MODE-2
Outcome MountSession::mountDirectly() {
  // For the locks of the mount point and of the client's name alone; where there can be no such
  // directory, or nothing can be written there, it goes without. Nothing else of ours is needed
  // without a tunnel.
  mounts::MountRules mount_rules = mountRules(context_);
  const Status locks = canLock(context_);
  if (!locks) {
    log::warning("mounting without locks: {}", locks.error().describe());
    mount_rules.target_lock.clear();
  }
  const auto mounted = inNetwork([&]() -> Status {
    EFS_TRY(outcome, mountFromTarget(request_, facts_.target, context_, attempt_, mount_rules));
    mounted_ = outcome;
    return {};
  });
  if (!mounted) return failed(kMountFailed, mounted.error());
  if (mounted_.how == MountOutcome::How::kOccupied) {
    return overtaken(request_, planDirectMount(request_, facts_.target).source, context_.store);
  }
  plan_.rsize = readSize(request_.nfs_options);
  setReadAhead();
  log::info("Successfully mounted {} at {}", facts_.target.dns_name, request_.mountpoint);
  return {0, "", "", missingCacheNotice(request_.nfs_options)};
}

Outcome MountSession::run() {
  const Duration patience = attempt_.background ? Duration(0) : kNetworkPatience;
  const auto facts = untilNetworkIsUp([this] { return gatherFacts(); }, context_.clock, patience);
  if (!facts.status) {
    return facts.network_missing ? mountFailed(facts.status.error()) : fatal(facts.status.error());
  }
  if (auto tls = checkTlsSettings(); !tls) return fatal(tls.error());
  if (request_.fake) {
    log::info("Fake mount mode enabled, mount aborted after checks");
    return {};
  }
  return mountsDirectly(request_, context_.settings.mount) ? mountDirectly() : mountThroughTunnel();
}

void MountSession::report(const Outcome& outcome) {
  const std::string line = outcome.code == 0 ? "Successfully mounted " + facts_.target.dns_name +
                                                   " at " + request_.mountpoint
                                             : "Mount failed, " + outcome.err;
  reportToCloudWatch(facts_finder_, context_.settings, request_.device.fs_id, line);
}

bool worthAnother(const MountAttempt& attempt, const Outcome& outcome) {
  return attempt.repeats && outcome.code != 0 && outcome.cause && mayPassByItself(*outcome.cause) &&
         !attempt.until.passed();
}

Outcome attemptMount(const MountRequest& request, const MountContext& context,
                     const MountAttempt& attempt) {
  MountSession session(request, context, attempt);
  Outcome outcome;
  // Before anything else looks at the path: a dead server under it would hold us.
  auto already = alreadyMounted(request, context.store, attempt.repeated);
  if (already && *already) return **already;
  if (!already) {
    outcome = mountFailed(already.error());
  } else if (auto loaded = request.fake ? Status() : context.kernel.load(); !loaded) {
    outcome = mountFailed(loaded.error());  // a fake mount asks nothing of the kernel (CLI-4)
  } else {
    outcome = session.run();
  }
  if (!request.fake && !worthAnother(attempt, outcome)) session.report(outcome);
  return outcome;
}

}  // namespace efs::mount_helper
