// The last two steps for a mount that hangs: another zone's mount target, and a new mount.
#include <signal.h>
#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "efs/base/files.h"
#include "efs/base/log.h"
#include "efs/base/text.h"
#include "efs/mounts/target_directory.h"
#include "efs/net/socket.h"
#include "efs/tunnel_control/tunnel_command.h"
#include "efs/tunnel_control/tunnel_config.h"
#include "efs/tunnel_control/tunnel_launcher.h"
#include "repair/probes.h"
#include "repair/remount.h"
#include "repair/target_switch.h"
#include "supervisor.h"

namespace efs::watchdog {
namespace {

constexpr unsigned kStagingDeadlineSeconds = 30;

Result<tunnel_control::TunnelConfig> configOf(const MountRecord& mount) {
  EFS_TRY(command, tunnel_control::TunnelCommand::parse(mount.state.cmd));
  return tunnel_control::TunnelConfig::load(command.config_path);
}

Result<std::string> configText(const MountRecord& mount) {
  EFS_TRY(command, tunnel_control::TunnelCommand::parse(mount.state.cmd));
  return readFile(command.config_path);
}

}  // namespace

void Supervisor::readHome(MountRecord& mount) {
  const auto text = configText(mount);
  if (text) mount.health.home = homeTarget(*text);
}

void Supervisor::findTarget(MountRecord& mount) {
  const auto config = configOf(mount);
  if (!config) return log::warning("{}: {}", mount.name, config.error().describe());
  // The certificate of each target bears the regional name.
  const std::string name = config->check_host.empty() ? config->connect_host : config->check_host;
  const std::string current = config->connect_host;
  const int port = config->connect_port;
  (void)startJob(mount, Task::kFindTarget, kTargetDeadlineSeconds, [&] {
    return findOtherTarget(targetNames(name, mount.state.region), current, port);
  });
}

void Supervisor::targetFound(MountRecord& mount, const Result<std::string>& answer) {
  // It may answer again by now; only a mount that still hangs is moved.
  if (!mount.tunnel || !mount.progress.health.hung_since) return;
  if (!answer) {
    const std::string reason = answer.error().describe();
    if (mount.novelty.isNew("target", reason)) log::warning("{}: {}", mount.name, reason);
    return;
  }
  const auto text = configText(mount);
  const auto moved = text ? moveTo(*text, *answer) : text;
  const Status written = moved ? rewriteConfig(mount, *moved) : Status(moved.error());
  if (!written) return log::error("{}: {}", mount.name, written.error().describe());
  mount.health.home_answers = Seen::kUnknown;
  log::warning("{}: its mount target {} does not answer, using {} until it does", mount.name,
               mount.health.home.value_or("?"), *answer);
  killTunnel(mount, "it uses another mount target from now on");
}

Status Supervisor::rewriteConfig(MountRecord& mount, const std::string& text) {
  EFS_TRY(command, tunnel_control::TunnelCommand::parse(mount.state.cmd));
  struct stat info {};
  const bool known = ::stat(command.config_path.c_str(), &info) == 0;
  EFS_CHECK(
      writeFileAtomic(command.config_path, text, {.mode = known ? info.st_mode & 0777U : 0600U}));
  mount.health.home = homeTarget(text);
  return {};
}

void Supervisor::checkHome(MountRecord& mount) {
  const std::string home = mount.health.home.value_or("");
  const std::size_t colon = home.rfind(':');
  const auto port = colon == std::string::npos ? std::nullopt : parseInt(home.substr(colon + 1));
  if (!port || *port < 1 || *port > 65535) return;
  const std::string host = home.substr(0, colon);
  (void)startJob(mount, Task::kHome, kTargetDeadlineSeconds,
                 [&] { return askTarget(host, static_cast<int>(*port)); });
}

void Supervisor::returnHome(MountRecord& mount) {
  const auto text = configText(mount);
  const auto back = text ? moveHome(*text) : text;
  const std::string home = mount.health.home.value_or("?");
  const Status written = back ? rewriteConfig(mount, *back) : Status(back.error());
  if (!written) return log::error("{}: {}", mount.name, written.error().describe());
  log::info("{}: its own mount target {} answers again, going back", mount.name, home);
  signalTunnel(mount, SIGTERM, "SIGTERM");
}

// A second mount under its own name beside the old one, as mount.efs would leave it.
Result<std::string> Supervisor::prepareSuccessor(const MountRecord& mount,
                                                 const mounts::MountEntry& entry) {
  EFS_TRY(command, tunnel_control::TunnelCommand::parse(mount.state.cmd));
  if (!command.netns.empty()) {
    // The new mount would be made in our network, where its server may be another one or none.
    return Error(ErrorKind::kUnsupported, "it belongs to another network namespace")
        .addHint("unmount it and mount it again there");
  }
  EFS_TRY(config, tunnel_control::TunnelConfig::load(command.config_path));
  EFS_TRY(listener, chooseListener());
  const auto parsed = state::parseMountName(mount.name);
  const std::string name = state::mountName(parsed->fs_id, entry.target, listener.port);
  const auto paths = store_.paths(name);
  MountRecord next;
  next.name = name;
  next.port = config.accept_port = listener.port;
  next.state = mount.state;
  next.state.pid.reset();
  next.state.mountpoint = entry.target;
  next.state.files = {paths.tunnel_config};
  next.state.mount_time =
      std::chrono::duration<double>(around_.clock.now().time_since_epoch()).count();
  if (command.tls) {
    EFS_CHECK(makeDirectories(paths.secret_dir, 0700));
    config.pid_file = paths.pid_file;
    next.state.mount_state_dir = name + "+";
    EFS_CHECK(copyCertificate(config.certificate, paths.certificate));
    config.certificate = paths.certificate;
    if (!next.state.certificate.empty()) next.state.certificate = paths.certificate;
  }
  EFS_CHECK(writeFileAtomic(paths.tunnel_config, config.serialize(command.tls), {.mode = 0600}));
  EFS_TRY(binary, tunnel_control::findTunnelBinary());
  const bool usable = !command.stunnel && fileExists(command.binary);
  next.state.cmd = tunnel_control::tunnelCommand(usable ? command.binary : binary,
                                                 paths.tunnel_config, command.tls);
  EFS_CHECK(store_.writePending(name, next.state));
  next.pending = next.readable = true;
  next.stamp = FileStamp::of(paths.pending_state);
  next.listener = std::move(listener.fd);
  MountRecord& record = mounts_.insert_or_assign(name, std::move(next)).first->second;
  around_.manager.storeListener(name, record.listener);
  EFS_CHECK(tryStart(record));
  return name;
}

Result<net::Listener> Supervisor::chooseListener() const {
  const auto& mount = settings_.mount;
  if (mount.port_lower <= 0 || mount.port_lower >= mount.port_upper) return net::listenLoopback(0);
  // A mount whose tunnel and state are gone would go through ours, with its identity.
  return net::listenInRange(mount.port_lower, mount.port_upper, [this](int port) {
    return store_.portReserved(port) || around_.view.asksForPort(port);
  });
}

Status Supervisor::copyCertificate(const std::string& from, const std::string& to) {
  EFS_TRY(pem, readFile(from));
  struct stat info {};
  const bool known = ::stat(from.c_str(), &info) == 0;
  return writeFileAtomic(to, pem, {.mode = known ? info.st_mode & 0777U : 0600U});
}

bool Supervisor::isBeingMade(const std::string& name) const {
  return std::any_of(mounts_.begin(), mounts_.end(), [&](const auto& entry) {
    return entry.second.health.successor == name && entry.second.busy(Task::kRemount);
  });
}

void Supervisor::refuseRemount(MountRecord& mount, const std::string& reason) {
  mount.health.last_error = "remount: " + reason;
  if (mount.novelty.isNew("remount", reason)) {
    log::error("{}: is not mounted again: {}", mount.name, reason);
  }
}

void Supervisor::remount(MountRecord& mount) {
  const auto entries = around_.view.entries(mount.port);
  if (entries.empty() || around_.view.table() == nullptr) return;
  const auto point = around_.view.visiblePoint(mount.port);
  if (!point) {
    return refuseRemount(mount, "another mount covers it at " + entries.front()->target);
  }
  const auto entry = std::find_if(entries.begin(), entries.end(), [&](const auto* candidate) {
    return candidate->target == *point;
  });
  auto plan = RemountPlan::fromEntry(**entry);
  if (!plan) return refuseRemount(mount, plan.error().describe());
  if (const auto reason = mounts::whyNotDetach(*around_.view.table(), plan->old)) {
    return refuseRemount(mount, *reason);
  }
  mount.novelty.clear("remount");
  log::warning(
      "{}: mounting {} again; files that are open, and {} other mounts of it, stay on the "
      "old one",
      mount.name, *point, entries.size() - 1);
  const auto successor = prepareSuccessor(mount, **entry);
  if (!successor) return refuseRemount(mount, successor.error().describe());
  plan->port = mounts_.at(*successor).port;
  plan->options.set("port", std::to_string(plan->port));
  plan->staging = stagingFolder(store_.directory()) + "/" + *successor;
  plan->lock_path = store_.identifierLock();
  plan->target_lock = store_.directory() + "/" + mounts::kTargetLockName;
  plan->classic = settings_.mount.classic_mount_api;
  mount.health.successor = *successor;
  if (!startJob(mount, Task::kRemount, kRemountDeadlineSeconds,
                [&] { return remountInChild(*plan); })) {
    mount.health.successor.clear();
    giveUpSuccessor(*successor);
  }
}

void Supervisor::remountEnded(MountRecord& mount, const Result<std::string>& answer) {
  const std::string successor = std::exchange(mount.health.successor, "");
  const auto found = mounts_.find(successor);
  if (found == mounts_.end()) return;
  around_.view.refresh();
  scan_due_ = table_due_ = true;
  // A job that was killed may have come that far: what is mounted needs its tunnel.
  const bool mounted = around_.view.mounted(found->second.port) == Seen::kYes;
  if (!answer) {
    mount.health.last_error = "remount: " + answer.error().describe();
    log::error("{}: {}: {}", mount.name,
               mounted ? "was mounted again, but" : "cannot be mounted again",
               answer.error().describe());
  }
  if (!answer && !mounted) return giveUpSuccessor(successor);
  log::warning("{}: mounted again as {}{}", mount.name, successor, answer.value_or(""));
  publishSuccessor(successor);
}

void Supervisor::publishSuccessor(const std::string& name) {
  if (const auto published = store_.publish(name); !published) {
    log::warning("{}: {}", name, published.error().describe());
  }
}

// Its tunnel ends when the kernel has forgotten the port: a mount that was never attached says good
// bye to the server through it (decide()).
void Supervisor::giveUpSuccessor(const std::string& name) {
  const auto found = mounts_.find(name);
  if (found == mounts_.end()) return;
  found->second.health.given_up = true;
  found->second.due = true;
  // Only where the mount was made by mount(2) there is something to clear.
  startLooseJob(
      kStagingDeadlineSeconds,
      [path = stagingFolder(store_.directory()) + "/" + name] {
        clearStagingPath(path);
        return Result<std::string>(std::string());
      },
      [](const Result<std::string>&) {});
}

void Supervisor::clearStagingAfterCrash() {
  const std::string folder = stagingFolder(store_.directory());
  around_.view.ignoreBelow(folder);
  if (!fileExists(folder)) return;
  startLooseJob(
      kStagingDeadlineSeconds, [folder] { return clearStaging(folder); },
      [](const Result<std::string>&) {});
}

}  // namespace efs::watchdog
