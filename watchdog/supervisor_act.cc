// What the actions of decide() mean for files and processes. The words of the log lines are the
// search anchors of contract section 19.
#include <signal.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>

#include "efs/base/log.h"
#include "efs/base/text.h"
#include "efs/mounts/nfs_mount.h"
#include "efs/net/network_namespace.h"
#include "efs/net/socket.h"
#include "efs/tunnel_control/tunnel_command.h"
#include "efs/tunnel_control/tunnel_launcher.h"
#include "supervisor.h"

namespace efs::watchdog {
namespace {

// Contract UP-2: from what any version wrote to a command that exists here. Never a foreign
// program: the state file only chooses among tunnels.
Result<std::vector<std::string>> restartCommand(const state::MountState& state) {
  EFS_TRY(command, tunnel_control::TunnelCommand::parse(state.cmd));
  const bool usable = !command.stunnel && ::access(command.binary.c_str(), X_OK) == 0;
  // Without "nsenter --net=...": the namespace is entered by our own child.
  if (usable)
    return std::vector(state.cmd.begin() + (command.netns.empty() ? 0 : 2), state.cmd.end());
  EFS_TRY(binary, tunnel_control::findTunnelBinary());
  return tunnel_control::tunnelCommand(binary, command.config_path, command.tls);
}

// Contract NET-1; nullopt = ours. The socket knows it better than the path does: in a container's
// path the pid may have ended, or be another process's by now.
Result<std::optional<net::NetworkNamespace>> namespaceOf(const state::MountState& state,
                                                         const UniqueFd& listener) {
  EFS_TRY(command, tunnel_control::TunnelCommand::parse(state.cmd));
  std::optional<net::NetworkNamespace> found;
  if (command.netns.empty()) return found;
  auto opened = listener.valid() ? net::NetworkNamespace::ofSocket(listener.get())
                                 : net::NetworkNamespace::open(command.netns);
  if (!opened) return unexpected(std::move(opened.error()));
  found = std::move(*opened);
  return found;
}

}  // namespace

void Supervisor::carryOut(MountRecord& mount, Action action) {
  switch (action) {
    case Action::kPublish:
      return publish(mount);
    case Action::kStartTunnel:
      return startTunnel(mount);
    case Action::kReportNoCertificate:
      return log::error("Cannot restart stunnel because self-signed certificate at {} is missing",
                        mount.state.certificate);
    case Action::kRenewCertificate:
      return renew(mount);
    case Action::kNoteUnmount:
      return noteUnmount(mount);
    case Action::kCheckReadAhead:
      return checkReadAhead(mount);
    case Action::kClearUnmount:
      return clearUnmount(mount);
    case Action::kTerminateTunnel:
      log::info("Unmount grace period expired for {}", mount.name);
      return signalTunnel(mount, SIGTERM, "SIGTERM");
    case Action::kKillTunnel:
      log::info("TLS tunnel: {} is still running, will retry termination", mount.tunnel->pid());
      return signalTunnel(mount, SIGKILL, "SIGKILL");
    case Action::kRemoveMount:
      return remove(mount);
  }
}

void Supervisor::publish(MountRecord& mount) {
  log::warning("{}: mounted, but its mount helper has not finished; taking over its state file",
               mount.name);
  if (const auto published = store_.publish(mount.name); !published) {
    log::warning("{}: {}", mount.name, published.error().describe());
  }
  scan_due_ = true;
}

void Supervisor::startTunnel(MountRecord& mount) {
  if (mount.novelty.isNew("dead", "dead")) {
    log::warning("TLS tunnel for {} is not running", mount.name);
  }
  const auto started = tryStart(mount);
  if (started) {
    mount.novelty.clear("dead");
    mount.novelty.clear("start");
    return;
  }
  const std::string reason = started.error().describe();
  if (mount.novelty.isNew("start", reason)) {
    log::warning("Watchdog failed to start the TLS tunnel for {}, trying again: {}", mount.name,
                 reason);
  }
}

Status Supervisor::tryStart(MountRecord& mount) {
  readIfChanged(mount);
  EFS_TRY(command, restartCommand(mount.state));
  EFS_TRY(network, namespaceOf(mount.state, mount.listener));
  EFS_CHECK(network ? network->run([&] { return ensureListener(mount); }) : ensureListener(mount));
  log::info("Starting TLS tunnel: \"{}\"", printable(join(command, " "), 1000));
  EFS_TRY(launched, tunnel_control::launchTunnel(command, mount.listener, false,
                                                 network ? network->fd() : -1));
  mount.tunnel.emplace(TunnelProcess::ownChild(std::move(launched.process)));
  log::info("Started efs-proxy, pid: {}", mount.tunnel->pid());
  watchTunnel(mount);
  ++mount.health.generation;
  ++mount.restarts;
  mount.state.pid = mount.tunnel->pid();
  save(mount);
  return {};
}

// A mount of an older version, whose tunnel was dead before we could duplicate its socket: from now
// on the port stays open.
Status Supervisor::ensureListener(MountRecord& mount) const {
  if (mount.listener.valid()) return {};
  EFS_TRY(listener, net::listenLoopback(mount.port));
  mount.listener = std::move(listener.fd);
  around_.manager.storeListener(mount.name, mount.listener);
  return {};
}

void Supervisor::renew(MountRecord& mount) {
  const RenewalRequest request{
      .state = mount.state,
      .lock_path = store_.directory() + "/privateKey.lock",
      .client_source = settings_.client_source,
      .client_version = around_.version,
      .disable_metadata_token = settings_.mount.disable_ec2_metadata_token,
      .dns_suffix = settings_.forRegion(mount.state.region).dns_name_suffix,
      .daemon_environment = around_.environment,
      .allow_identity_change = settings_.watchdog.allow_identity_change};
  startJob(mount, Task::kRenewal, kRenewalDeadlineSeconds,
           [&request] { return renewInChild(request); });
}

void Supervisor::renewed(MountRecord& mount, const Result<std::string>& answer) {
  // A place is free for one that waits.
  const auto waits = [](const auto& entry) { return entry.second.renewal_waits; };
  const auto next = std::find_if(mounts_.begin(), mounts_.end(), waits);
  if (next != mounts_.end()) {
    next->second.renewal_waits = false;
    next->second.due = true;
  }
  auto outcome = answer ? RenewalOutcome::decode(*answer) : Result<RenewalOutcome>(answer.error());
  if (!outcome) {
    const std::string reason = outcome.error().describe();
    mount.health.last_error = "certificate: " + reason;
    if (mount.novelty.isNew("renewal", reason)) {
      log::error("Cannot recreate self-signed certificate for {}, trying again: {}", mount.name,
                 reason);
    }
    return;
  }
  mount.novelty.clear("renewal");
  readIfChanged(mount);
  log::info("Renewed the certificate of {}", mount.name);
  mount.state.certificate_creation_time = outcome->creation_time;
  const auto end = outcome->credentials_expire;
  mount.state.credentials_expiration = end ? state::certificateTimeText(*end) : "";
  notePrincipal(mount, outcome->principal);
  save(mount);
  if (mount.tunnel) signalTunnel(mount, SIGHUP, "SIGHUP");
}

// The parts of it that only this renewal told, or (allow_identity_change) another one.
void Supervisor::notePrincipal(MountRecord& mount, const aws::Principal& now) {
  auto& origin = mount.state.credentials_origin;
  if (!origin) return;
  const aws::Principal before = principalOf(*origin);
  if (!aws::checkSamePrincipal(before, now)) {
    log::warning("{}: the certificate is now that of {}, no longer that of {}", mount.name,
                 now.describe(), before.describe());
  }
  const aws::Principal all = aws::merged(before, now);
  origin->account = all.account;
  origin->principal = all.name;
  origin->access_key_id = all.access_key_id;
}

void Supervisor::noteUnmount(MountRecord& mount) {
  log::info("No mount found for \"{}\"", mount.name);
  if (mount.state.unmount_time) return;
  mount.state.unmount_time =
      std::chrono::duration<double>(around_.clock.now().time_since_epoch()).count();
  save(mount);
}

// WD-12. A file of sysfs, found by the table's device: the mount itself is not touched.
void Supervisor::checkReadAhead(const MountRecord& mount) const {
  for (const mounts::MountEntry* entry : around_.view.entries(mount.port)) {
    const auto rsize = parseInt(entry->option("rsize").value_or(""));
    if (!rsize || *rsize <= 0) continue;
    const auto corrected = mounts::keepReadAhead(entry->device, static_cast<unsigned long>(*rsize));
    if (!corrected) {
      log::debug("{}: read-ahead: {}", mount.name, corrected.error().describe());
    } else if (*corrected) {
      log::info("Readahead value incorrect for {}, corrected", entry->target);
    }
  }
}

void Supervisor::clearUnmount(MountRecord& mount) {
  log::info("{}: mounted again", mount.name);
  mount.state.unmount_time.reset();
  mount.state.unmount_count = 0;
  save(mount);
}

void Supervisor::signalTunnel(const MountRecord& mount, int signo, const char* name) const {
  if (!mount.tunnel) return;
  log::info("Sending signal {}({}) to stunnel. PID: {}, mount: {}", name, signo,
            mount.tunnel->pid(), mount.name);
  if (const auto sent = mount.tunnel->signal(signo); !sent) {
    log::warning("{}: {}", mount.name, sent.error().describe());
  }
}

void Supervisor::save(MountRecord& mount) {
  const auto paths = store_.paths(mount.name);
  const auto written = mount.pending ? store_.writePending(mount.name, mount.state)
                                     : store_.write(mount.name, mount.state);
  mount.unsaved = !written;
  if (!written) {
    const std::string reason = written.error().describe();
    if (mount.novelty.isNew("save", reason)) log::error("{}: {}", mount.name, reason);
    return;
  }
  mount.novelty.clear("save");
  mount.stamp = FileStamp::of(mount.pending ? paths.pending_state : paths.state);
}

}  // namespace efs::watchdog
