#include "repair/remounter.h"

#include <algorithm>
#include <utility>

#include "efs/mounts/mount_source.h"
#include "efs/mounts/target_directory.h"
#include "efs/tunnel_control/tunnel_config.h"
#include "efs/tunnel_control/tunnel_launcher.h"
#include "repair/remount.h"

namespace efs::watchdog {
namespace {

// The last step of a remount goes on without the watchdog that began it.
constexpr Duration kStagingPatience{180000};
static_assert(kStagingPatience > Duration(1000 * kRemountDeadlineSeconds),
              "what a remount still needs would be cleared");

bool isSuccessor(const MountRecord& record, const MountRecord& mount) {
  const auto one = state::parseMountName(record.name);
  const auto other = state::parseMountName(mount.name);
  return one && other && one->fs_id == other->fs_id &&
         record.state.access_point == mount.state.access_point &&
         record.state.aws_credentials_method == mount.state.aws_credentials_method;
}

}  // namespace

void Remounter::refuse(MountRecord& mount, const std::string& reason) {
  mount.health.last_error = "remount: " + reason;
  if (mount.novelty.isNew("remount", reason)) {
    context_.tools.log.error("{}: is not mounted again: {}", mount.name, reason);
  }
}

Result<RemountPlan> Remounter::planFor(const MountRecord& mount) const {
  const auto* visible = context_.view.visible(mount.port);
  if (visible == nullptr) {
    return Error(ErrorKind::kBusy,
                 "another mount covers it at " + context_.view.entries(mount.port).front()->target);
  }
  Kernel& kernel = context_.tools.kernel;
  EFS_TRY(plan, planRemount(*visible, kernel.identityOf(*visible)));
  const auto attached = [&kernel](const auto& old) { return kernel.stillAttached(old); };
  if (const auto reason = mounts::whyNotDetach(*context_.view.table(), plan.old, attached)) {
    return Error(ErrorKind::kBusy, *reason);
  }
  return plan;
}

void Remounter::remount(MountRecord& mount) {
  const std::size_t shown = context_.view.entries(mount.port).size();
  if (shown == 0) return;
  auto plan = planFor(mount);
  if (!plan) return refuse(mount, plan.error().describe());
  mount.novelty.clear("remount");
  if (const MountRecord* beneath = laidBeneath(mount, *plan)) {
    return uncover(mount, std::move(*plan), *beneath);
  }
  context_.tools.log.warning(
      "{}: mounting {} again; files that are open, and {} other mounts of it, stay on the old one",
      mount.name, plan->old.target, shown - 1);
  carryOut(mount, std::move(*plan));
}

// The successor that an earlier try put beneath this mount without detaching it: of the same
// content and with the same identity, since what lies there will be in sight.
const MountRecord* Remounter::laidBeneath(const MountRecord& mount, const RemountPlan& plan) const {
  const mounts::MountTable& table = *context_.view.table();
  const auto* old = table.withId(plan.old.id);
  const auto* beneath = old != nullptr ? table.withId(old->parent_id) : nullptr;
  if (beneath == nullptr || beneath->target != plan.old.target) return nullptr;
  const auto port = beneath->tunnelPort();
  if (!port || !mounts::sameSource(plan.source, beneath->source)) return nullptr;
  for (const auto& [name, record] : context_.records) {
    if (record.port == *port && isSuccessor(record, mount)) return &record;
  }
  return nullptr;
}

void Remounter::uncover(MountRecord& mount, RemountPlan plan, const MountRecord& beneath) {
  context_.tools.log.warning("{}: {} lies beneath it since an earlier try; detaching it",
                             mount.name, beneath.name);
  // The port tells what may lie there; the job compares again, under the lock.
  plan.port = beneath.port;
  plan.lies_beneath = true;
  plan.target_lock = context_.store.locks().targets;
  mount.health.successor = beneath.name;
  if (!jobs_.start(mount, Task::kRemount, std::move(plan))) mount.health.successor.clear();
}

void Remounter::carryOut(MountRecord& mount, RemountPlan plan) {
  // Its tunnel runs before the kernel is asked, as in a mount by mount.efs.
  const auto successor = prepareSuccessor(mount, plan.old.target);
  if (!successor) return refuse(mount, successor.error().describe());
  const std::string& directory = context_.store.directory();
  plan.port = context_.records.at(*successor).port;
  plan.options.set("port", std::to_string(plan.port));
  plan.staging = stagingFolder(context_.tools.files, directory) + "/" + *successor;
  plan.lock_path = context_.store.locks().identifier;
  plan.target_lock = context_.store.locks().targets;
  plan.classic = context_.settings.mount.classic_mount_api;
  mount.health.successor = *successor;
  if (jobs_.start(mount, Task::kRemount, std::move(plan))) return;
  mount.health.successor.clear();
  giveUp(*successor);
}

// A second mount under its own name beside the old one, as mount.efs would leave it.
Result<std::string> Remounter::prepareSuccessor(const MountRecord& mount,
                                                const std::string& target) {
  if (!mount.command) return mount.command.error();
  if (!mount.command->netns.empty()) {
    // The new mount would be made in our network, where its server may be another one or none.
    return Error(ErrorKind::kUnsupported, "it belongs to another network namespace")
        .addHint("unmount it and mount it again there");
  }
  EFS_TRY(bound, chooseListener());
  const std::string name =
      state::mountName(state::parseMountName(mount.name)->fs_id, target, bound.port);
  // Files, then state, then the tunnel: in this order a watchdog that dies in between leaves what
  // the next one finds by its name, and ends.
  EFS_TRY(state, writeFiles(mount, target, name, bound.port));
  EFS_CHECK(context_.store.writePending(name, state));
  MountRecord next;
  next.name = name;
  next.port = bound.port;
  next.setState(std::move(state));
  next.pending = next.readable = true;
  next.stamp = files_.stampOf(next, true);
  next.listener = std::move(bound.listener);
  MountRecord& record = context_.records.insert_or_assign(name, std::move(next)).first->second;
  context_.tools.listeners.storeListener(name, *record.listener);
  // The record first: the tunnel's end is an event that looks for it.
  if (const auto started = keeper_.tryStart(record); !started) {
    // Each try would leave a port and files behind for as long as a mount may be under way.
    giveUp(name);
    return started.error();
  }
  return name;
}

// All but the state file, whose content is the answer.
Result<state::MountState> Remounter::writeFiles(const MountRecord& mount, const std::string& target,
                                                const std::string& name, int port) {
  Tools& tools = context_.tools;
  const auto& command = *mount.command;
  EFS_TRY(text, files_.configText(mount));
  EFS_TRY(config, tunnel_control::TunnelConfig::parse(text, command.config_path));
  const auto paths = context_.store.paths(name);
  config.accept_port = port;
  state::MountState next = mount.state;
  next.pid.reset();
  next.mountpoint = target;
  next.files = {paths.tunnel_config};
  next.mount_time = secondsSinceEpoch(tools.clock.now());
  state::MountFiles files;
  if (command.tls) {
    EFS_TRY(pem, tools.files.read(config.certificate));
    files.certificate = std::move(pem);
    const FileStamp known = tools.files.stamp(config.certificate);
    if (known.exists()) files.certificate_mode = known.mode & 0777U;
    config.pid_file = paths.pid_file;
    config.certificate = paths.certificate;
    next.mount_state_dir = paths.secret_name;
    if (!next.certificate.empty()) next.certificate = paths.certificate;
  }
  files.tunnel_config = config.serialize(command.tls);
  EFS_CHECK(context_.store.writeFiles(name, files));
  EFS_TRY(program, usableProgram(tools.processes, command));
  next.cmd = tunnel_control::tunnelCommand(program, paths.tunnel_config, command.tls);
  return next;
}

Result<BoundListener> Remounter::chooseListener() {
  const auto& mount = context_.settings.mount;
  // A mount whose tunnel and state are gone would go through ours, with its identity.
  return context_.tools.ports.listenInRange(mount.port_lower, mount.port_upper, [this](int port) {
    return context_.store.portReserved(port) || context_.view.asksForPort(port);
  });
}

void Remounter::ended(MountRecord& mount, const Result<std::string>& answer) {
  const std::string successor = std::exchange(mount.health.successor, "");
  const MountRecord* const found = context_.find(successor);
  if (found == nullptr) return;
  // Not what the last scan saw: the answer may be older than the mount.
  context_.view.refresh();
  context_.scan_due = context_.table_due = true;
  // A job that was killed may have come that far: what is mounted needs its tunnel.
  const bool mounted = context_.view.mounted(found->port) == Seen::kYes;
  if (!answer) {
    mount.health.last_error = "remount: " + answer.error().describe();
    context_.tools.log.error("{}: {}: {}", mount.name,
                             mounted ? "was mounted again, but" : "cannot be mounted again",
                             answer.error().describe());
  }
  if (!answer && !mounted) return giveUp(successor);
  context_.tools.log.warning("{}: mounted again as {}{}", mount.name, successor,
                             answer.value_or(""));
  if (found->pending) files_.publish(successor);
}

// Its tunnel ends when the kernel has forgotten the port: a mount that was never attached says good
// bye to the server through it (decide()).
void Remounter::giveUp(const std::string& name) {
  MountRecord* const successor = context_.find(name);
  // One that was published is a mount like others.
  if (successor == nullptr || !successor->pending) return;
  successor->health.given_up = true;
  successor->due = true;
  // Only where the mount was made by mount(2) there is something to clear.
  const std::string folder = stagingFolder(context_.tools.files, context_.store.directory());
  jobs_.startLoose(ClearStagingPath{folder + "/" + name}, [](const auto&) {});
}

void Remounter::clearStagingAfterCrash() {
  const std::string folder = stagingFolder(context_.tools.files, context_.store.directory());
  context_.view.ignoreBelow(folder);
  if (!context_.tools.files.stamp(folder).exists()) return;
  jobs_.startLoose(ClearStaging{folder}, [](const auto&) {});
}

void Remounter::sweepStaging() {
  const std::string folder = stagingFolder(context_.tools.files, context_.store.directory());
  if (jobs_.running(Task::kRemount) != 0 || !context_.tools.files.stamp(folder).exists()) {
    return staged_since_.reset();
  }
  const MonoTime now = context_.tools.clock.monotonic();
  if (!staged_since_) staged_since_ = now;
  if (now - *staged_since_ < kStagingPatience) return;
  staged_since_ = now;
  jobs_.startLoose(ClearStaging{folder}, [](const auto&) {});
}

}  // namespace efs::watchdog
