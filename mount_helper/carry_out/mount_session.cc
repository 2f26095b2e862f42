#include "carry_out/mount_session.h"

#include <algorithm>

#include "carry_out/client_name.h"
#include "carry_out/diagnosis.h"
#include "carry_out/direct_mount.h"
#include "carry_out/existing_mount.h"
#include "carry_out/mount_attempts.h"
#include "carry_out/mount_times.h"
#include "carry_out/own_mount.h"
#include "carry_out/own_tunnel.h"
#include "carry_out/report.h"
#include "carry_out/rollback.h"
#include "carry_out/watchdog_start.h"
#include "efs/base/files.h"
#include "efs/base/interrupt.h"
#include "efs/base/log.h"
#include "efs/base/text.h"
#include "efs/base/wait.h"
#include "efs/identity/client_certificate.h"
#include "efs/mounts/client_identifier.h"
#include "efs/mounts/mount_table.h"
#include "efs/mounts/nfs_mount.h"
#include "efs/mounts/target_directory.h"
#include "efs/net/network_namespace.h"
#include "efs/net/socket.h"
#include "efs/rpc/nfs_probe.h"
#include "efs/tunnel_control/tunnel_launcher.h"
#include "facts/fact_finder.h"
#include "facts/network_wait.h"
#include "plan/direct_plan.h"
#include "plan/mount_plan.h"
#include "request/persistence.h"
#include "umount/tunnel_end.h"

namespace efs::mount_helper {
namespace {

using mounts::MountOutcome;

constexpr Duration kTunnelStart{30000};  // many mounts at boot; one that dies is seen at once
constexpr Duration kHandOver{2000};
constexpr Duration kUndoUnmount{5000};
constexpr Duration kPortPatience{3000};      // for the kernel's farewell to the server
constexpr Duration kNetworkPatience{60000};  // how long a boot may take to bring the network up

// A mount whose tunnel and state are gone still asks for this port, and would go through our
// tunnel.
bool isServed(int port) {
  const auto used = mounts::kernelUsesTunnelPort(port);
  return used && *used;
}

// One mount under way: the parts that its steps share.
class MountSession {
 public:
  MountSession(const MountRequest& request, const MountContext& context,
               const MountAttempt& attempt)
      : request_(request),
        context_(context),
        attempt_(attempt),
        facts_finder_(request_, context.settings, context.clock) {}

  Outcome run();
  Outcome runDirectly();
  // Section 20: one line about it in CloudWatch Logs.
  void report(const Outcome& outcome);

 private:
  Status gatherFacts();
  Status checkTlsSettings() const;
  Status listen();
  Status prepareFiles();
  Status startTunnel();
  Error attemptFailure(const Error& cause);
  Status preflight(Duration patience);
  Status mountOnce(Duration patience);
  Status mountAs(const mounts::OwnClientIdentifier::Namer& namer, Duration patience);
  Status mountInTries();
  mounts::MountRules mountRules(std::optional<Duration> patience) const;
  MountTimes times() const {
    return {context_.settings.mount, attempt_.until, attempt_.background};
  }
  Status mountWithin(const mounts::OwnClientIdentifier::Namer& namer, Duration patience);
  Status makeOwnMount();
  Status mountApart();
  void setReadAhead();
  void endTunnel();
  void finish();
  std::string signer() const;

  // NET-1: the steps that touch the mount's network.
  Status inNetwork(const std::function<Status()>& step) const;

  MountRequest request_;  // completed when the device's own name is resolved
  const MountContext& context_;
  const MountAttempt& attempt_;
  FactFinder facts_finder_;
  std::optional<net::NetworkNamespace> network_;
  MountFacts facts_;
  net::Listener listener_;
  MountPlan plan_;
  std::optional<OwnTunnel> tunnel_;
  std::optional<OwnMount> own_mount_;
  MountOutcome mounted_;
  UniqueFd sign_of_life_;  // for the watchdog: our mount is under way
  std::string notices_;    // lines for stderr while retrying
  Rollback rollback_;      // last: undone before anything above is gone
};

Status MountSession::inNetwork(const std::function<Status()>& step) const {
  return network_ ? network_->run(step) : step();
}

Status MountSession::gatherFacts() {
  facts_finder_.startOver();
  if (!request_.netns.empty()) {
    EFS_TRY(network, net::NetworkNamespace::open(request_.netns).withContext("mount option netns"));
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
  facts_finder_.startLookups(facts_.region);
  facts_finder_.startOwnZone();
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
  if (!verifies || fileExists(ca_file)) return {};
  log::error("Failed to find CAfile {}", ca_file);
  return Error(ErrorKind::kNotFound,
               "Failed to find certificate authority file for verification: " + ca_file)
      .addHint(
          "install the CA bundle there, or name another with the mount option cafile or config key "
          "stunnel_cafile");
}

Status MountSession::listen() {
  const auto& settings = context_.settings.mount;
  if (request_.tls_port) {
    if (context_.store.portReserved(*request_.tls_port)) {
      return Error(ErrorKind::kBusy, "Specified port [" + std::to_string(*request_.tls_port) +
                                         "] is unavailable: another mount uses it")
          .addHint("choose another tlsport or leave the option out");
    }
    auto listener = net::listenLoopback(*request_.tls_port);
    if (!listener) {
      return std::move(listener.error())
          .addContext("Specified port [" + std::to_string(*request_.tls_port) + "] is unavailable")
          .addHint("choose another tlsport or leave the option out");
    }
    listener_ = std::move(*listener);
  } else {
    if (settings.port_lower <= 0 || settings.port_upper <= 0) {
      return Error(ErrorKind::kInvalidInput,
                   "configuration: port_range_lower_bound or port_range_upper_bound is missing")
          .addHint("set both in section [mount], for example 20049 and 21049");
    }
    auto listener = net::listenInRange(settings.port_lower, settings.port_upper, [this](int port) {
      return context_.store.portReserved(port) || isServed(port);
    });
    if (!listener) {
      return std::move(listener.error())
          .addContext("Failed to locate an available port in the range [" +
                      std::to_string(settings.port_lower) + ", " +
                      std::to_string(settings.port_upper) + ")");
    }
    listener_ = std::move(*listener);
  }
  log::info("binding {}", listener_.port);
  own_mount_.emplace(listener_.port);
  facts_.port = listener_.port;
  return {};
}

// Certificate, tunnel configuration and "~" state: from here on the port is reserved for other
// helpers too.
Status MountSession::prepareFiles() {
  const auto& store = context_.store;
  rollback_.onFailure([this] { (void)context_.store.removeMount(plan_.paths.name, &plan_.state); });
  if (plan_.certificate) {
    EFS_TRY(key,
            identity::loadOrCreatePrivateKey(
                identity::kPrivateKeyPath, store.directory() + "/privateKey.lock", context_.clock));
    EFS_TRY(certificate,
            identity::makeClientCertificate(*plan_.certificate, key, context_.clock.now()));
    EFS_CHECK(makeDirectories(plan_.paths.secret_dir, 0700));
    EFS_CHECK(writeFileAtomic(plan_.paths.certificate, certificate.pem, {.mode = 0600}));
  }
  EFS_CHECK(writeFileAtomic(plan_.paths.tunnel_config, plan_.tunnel_config_text, {.mode = 0600}));
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
  rollback_.onFailure([this] { endTunnel(); });
  plan_.state.pid = tunnel_->pid();
  return context_.store.writePending(plan_.paths.name, plan_.state);
}

std::string MountSession::signer() const {
  if (!facts_.credentials) return {};
  const aws::Credentials& credentials = *facts_.credentials;
  return "access key " + credentials.access_key_id + " from " + credentials.source +
         (credentials.arn.empty() ? "" : " (" + credentials.arn + ")");
}

Error MountSession::attemptFailure(const Error& cause) {
  // Whatever the tunnel has to say about its own troubles meanwhile.
  if (interrupted() != 0) return interruptedError();
  // The tunnel writes its reason before it closes our connection, so it is there already.
  tunnel_->readStatus(Duration(100));
  const Scene scene{request_, facts_.target, tunnel_->peer(), signer(), tunnel_->failure()};
  return explain(cause, scene);
}

// Asks the server, through the tunnel, what the kernel is about to ask: a failure has a name here
// and only an errno in mount(2).
Status MountSession::preflight(Duration patience) {
  const auto self =
      net::Endpoint::fromLiteral("127.0.0.1", static_cast<std::uint16_t>(facts_.port));
  auto connection = net::connectTcp(*self, Duration(1000));
  if (!connection) {
    log::warning("Error connecting to 127.0.0.1:{}: {}", facts_.port,
                 connection.error().describe());
    return attemptFailure(connection.error());
  }
  tunnel_->forgetFailure();
  auto probe = rpc::probeNfs(connection->get(), context_.clock, patience);
  if (!probe) return attemptFailure(probe.error());
  tunnel_->readStatus(Duration(0));
  log::debug("server owner {}", printable(probe->server_owner));
  return {};
}

Status MountSession::mountOnce(Duration patience) {
  if (interrupted() != 0) return interruptedError();
  log::info("Executing: \"/sbin/mount.nfs4 {} {} -o {}\" as a system call with {} sec time limit.",
            plan_.nfs.source, plan_.nfs.target, plan_.nfs.options.text(), patience.count() / 1000);
  tunnel_->forgetFailure();
  context_.stages.end("ready");
  auto mounted = mounts::mountNfs(plan_.nfs, mountRules(patience));
  if (!mounted) return attemptFailure(mounted.error());
  mounted_ = *mounted;
  return {};
}

mounts::MountRules MountSession::mountRules(std::optional<Duration> patience) const {
  mounts::MountRules rules;
  rules.patience = patience;
  if (context_.settings.mount.classic_mount_api) rules.api = mounts::MountApi::kClassic;
  rules.target_lock = context_.store.directory() + "/" + mounts::kTargetLockName;
  if (tunnel_) rules.own_port = facts_.port;
  return rules;
}

// The lock of the identifier is kept for a while only, so a long try is several.
Status MountSession::mountWithin(const mounts::OwnClientIdentifier::Namer& namer,
                                 Duration patience) {
  const Deadline deadline(context_.clock, patience);
  while (true) {
    EFS_CHECK(preflight(times().usual()));
    context_.stages.end("pre-flight");
    Status done = mountAs(namer, patience);
    const bool silent = !done && done.error().kind() == ErrorKind::kTimeout && tunnel_->alive();
    if (!silent || patience <= mounts::kIdentifierHold || deadline.passed()) return done;
    log::info("mounting {} again: {}", request_.mountpoint, done.error().describe());
  }
}

Status MountSession::mountInTries() {
  const auto name = clientNamer(request_, context_.settings, context_.store);
  const auto& settings = context_.settings.mount;
  return tryToMount(
      attemptRules(settings, times().lastTry()),
      facts_.target.dns_name + " at " + request_.mountpoint,
      [&](Duration patience) {
        Status done = mountWithin(name, patience);
        if (!done && !tunnel_->alive()) done.error().addContext("the tunnel died during the mount");
        return done;
      },
      [&](const Error& error) { return tunnel_->alive() && worthRetrying(error, request_); });
}

// Under the name of this very mount, so that the kernel merges it with no other one, or under a
// name never used before. Where the kernel takes no name, the port alone must make the difference.
Status MountSession::mountAs(const mounts::OwnClientIdentifier::Namer& namer, Duration patience) {
  const auto own = takeName(context_.store, context_.clock, times().lock(), namer);
  // Under the name that is there at the moment it would be another mount's client.
  if (!own && own.error().kind() != ErrorKind::kUnsupported) return own.error();
  if (!own) log::debug("no client identifier of its own: {}", own.error().describe());
  return mountOnce(MountTimes::underLock(patience));
}

// The name of this mount was taken already, by a mount beneath this one or one that is detached but
// in use: the kernel would go through that one's tunnel, with its identity, and hang when that one
// goes. Such a mount is dropped before anybody sees it. A mount that another process makes in the
// same moment may present itself with our name and be merged with ours; then again.
Status MountSession::mountApart() {
  constexpr int kTries = 5;
  for (int attempt = 1; attempt <= kTries; ++attempt) {
    log::info("the kernel merged the mount at {} with the one on port {}", request_.mountpoint,
              mounted_.merged_with);
    EFS_CHECK(mountAs([](const std::string&) { return mounts::randomClientIdentifier(); },
                      context_.settings.mount.retry_nfs_mount_timeout));
    if (mounted_.how != MountOutcome::How::kMerged) return {};
  }
  return Error(ErrorKind::kBusy, "both servers give the same NFSv4.1 server owner");
}

Status MountSession::makeOwnMount() {
  EFS_CHECK(mountInTries());
  if (mounted_.how != MountOutcome::How::kMerged) return {};
  return mountApart()
      .withContext("the kernel merged this mount with another one (trunking)")
      .withHint("unmount the other mount first, or mount it only once");
}

void MountSession::setReadAhead() {
  if (!context_.settings.mount.optimize_readahead) return;
  const Status set = mounts::setReadAhead(mounted_.device, plan_.rsize);
  if (!set) log::warning("Failed to modify read_ahead_kb: {}", set.error().describe());
}

// A mount that failed has vanished, but its last words to the server go through the tunnel, and one
// that cannot be undone (busy, server gone) would hang for ever without.
void MountSession::endTunnel() {
  bool unused = own_mount_->undo(kUndoUnmount);
  const auto looked = inNetwork([&]() -> Status {
    unused = unused && portFallsSilent(facts_.port, context_.clock, kPortPatience);
    return {};
  });
  if (looked && unused) return tunnel_->stop();
  log::error(
      "the kernel still uses port {} of the mount at {}; its tunnel stays, under the watchdog",
      facts_.port, request_.mountpoint);
  rollback_.commit();
  (void)context_.store.publish(plan_.paths.name);
}

void MountSession::finish() {
  // From here on the mount stands; trouble is for the log and the watchdog.
  rollback_.commit();
  setReadAhead();
  const auto& store = context_.store;
  auto published = store.publish(plan_.paths.name);
  // The watchdog takes a mount it sees for finished if we are slow.
  if (!published && !store.read(plan_.paths.name)) {
    log::error("publishing the state file: {}", published.error().describe());
  }
  auto handed = handOverListener(store, plan_.paths.name, listener_.fd, context_.clock, kHandOver);
  if (!handed) {
    log::warning("no watchdog took over the tunnel of {}: {}", request_.mountpoint,
                 handed.error().describe());
  }
  log::info("Successfully mounted {} at {}", facts_.target.dns_name, request_.mountpoint);
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
  if (mountsDirectly(request_, context_.settings.mount)) return runDirectly();
  if (request_.stunnel) {
    log::info("option stunnel: served by efs-proxy, which does what stunnel did for efs-utils");
  }
  auto binary = tunnel_control::findTunnelBinary();
  if (!binary) return fatal(binary.error());
  facts_.tunnel_binary = *binary;
  if (request_.iam) {
    auto credentials = facts_finder_.credentials(facts_.region);
    if (!credentials) return fatal(credentials.error());
    facts_.credentials = std::move(*credentials);
    facts_.credentials_origin = facts_finder_.credentialsOrigin();
    log::info("signing with {}", signer());
  }
  if (auto made = context_.store.create(context_.settings.state_dir_mode); !made)
    return fatal(made.error());
  if (auto started = ensureWatchdog(context_.store, context_.clock); !started) {
    log::warning("Could not start amazon-efs-mount-watchdog: {}", started.error().describe());
  }
  if (interrupted() != 0) return fatal(interruptedError());
  context_.stages.end("watchdog");
  if (auto listening = inNetwork([this] { return listen(); }); !listening)
    return fatal(listening.error());
  plan_ = planMount(request_, facts_, context_.settings,
                    context_.store.paths(mountNameOf(request_, facts_)), context_.clock.now());
  if (auto prepared = prepareFiles(); !prepared) return fatal(prepared.error());
  context_.stages.end("files");
  if (auto started = inNetwork([this] { return startTunnel(); }); !started)
    return fatal(started.error());
  context_.stages.end("tunnel");
  const auto mounted = inNetwork([this] { return makeOwnMount(); });
  context_.stages.end("mount");
  if (!mounted) {
    const int code = tunnel_->alive() ? kMountFailed : kFatal;  // contract section 7
    log::error("Failed to mount {} at {}: returncode={}, stderr=\"{}\"", facts_.target.dns_name,
               request_.mountpoint, code, mounted.error().describe());
    return {code, "", mounted.error().describe(), "", mounted.error().kind()};
  }
  if (mounted_.how == MountOutcome::How::kOccupied) {
    return overtaken(request_, plan_.nfs.source, context_.store);
  }
  finish();
  return {};
}

// MODE-2
Outcome MountSession::runDirectly() {
  // For the lock of the mount point alone; where there can be no such directory, it goes without.
  const bool locks = context_.store.create(context_.settings.state_dir_mode).has_value();
  mounts::MountRules mount_rules = mountRules(std::nullopt);
  if (!locks) mount_rules.target_lock.clear();
  const auto rules = attemptRules(context_.settings.mount, times().lastTry());
  const auto mounted = inNetwork([&]() -> Status {
    EFS_TRY(outcome, mountDirectly(request_, facts_.target, rules, mount_rules, context_.clock));
    mounted_ = outcome;
    return {};
  });
  if (!mounted) {
    log::error("Failed to mount {} at {}: returncode={}, stderr=\"{}\"", facts_.target.dns_name,
               request_.mountpoint, kMountFailed, mounted.error().describe());
    return mountFailed(mounted.error());
  }
  if (mounted_.how == MountOutcome::How::kOccupied) {
    return overtaken(request_, planDirectMount(request_, facts_.target).source, context_.store);
  }
  plan_.rsize = readSize(request_.nfs_options);
  setReadAhead();
  log::info("Successfully mounted {} at {}", facts_.target.dns_name, request_.mountpoint);
  return {};
}

void MountSession::report(const Outcome& outcome) {
  const std::string line = outcome.code == 0 ? "Successfully mounted " + facts_.target.dns_name +
                                                   " at " + request_.mountpoint
                                             : "Mount failed, " + outcome.err;
  reportToCloudWatch(facts_finder_, context_.settings, request_.device.fs_id, line);
}

}  // namespace

bool worthAnother(const MountAttempt& attempt, const Outcome& outcome) {
  return attempt.repeats && outcome.code != 0 && outcome.cause && mayPassByItself(*outcome.cause) &&
         !attempt.until.passed();
}

Outcome attemptMount(const MountRequest& request, const MountContext& context,
                     const MountAttempt& attempt) {
  MountSession session(request, context, attempt);
  Outcome outcome;
  auto already = alreadyMounted(request, context.store, attempt.repeated);
  if (already && *already) return **already;
  if (!already) {
    outcome = mountFailed(already.error());
  } else if (auto loaded = request.fake ? Status() : mounts::loadNfs(); !loaded) {
    outcome = mountFailed(loaded.error());  // a fake mount asks nothing of the kernel (CLI-4)
  } else {
    outcome = session.run();
  }
  if (!request.fake && !worthAnother(attempt, outcome)) session.report(outcome);
  return outcome;
}

}  // namespace efs::mount_helper
