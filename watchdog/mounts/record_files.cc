#include "mounts/record_files.h"

#include <utility>

#include "repair/target_switch.h"

namespace efs::watchdog {

FileStamp RecordFiles::stampOf(const MountRecord& mount, bool pending) const {
  const auto paths = context_.store.paths(mount.name);
  return context_.tools.files.stamp(pending ? paths.pending_state : paths.state);
}

void RecordFiles::read(MountRecord& mount) {
  const auto paths = context_.store.paths(mount.name);
  auto state =
      mount.pending ? context_.store.readPending(mount.name) : context_.store.read(mount.name);
  if (state) return take(mount, std::move(*state));
  // Renamed or removed between the listing and this look.
  if (state.error().kind() == ErrorKind::kNotFound) return;  // the next scan forgets it
  context_.records_changed = true;
  // Not to be able to look says nothing about the file: the next look is to be a first one.
  const bool unseen = state.error().kind() != ErrorKind::kInvalidInput;
  if (unseen) mount.stamp = FileStamp();
  if (unseen && !mount.novelty.isNew("read", state.error().describe())) return;
  // WD-10. What was read before is still the best knowledge of a mount that is in use.
  context_.tools.log.error("Unable to parse json in {}: {}",
                           mount.pending ? paths.pending_state : paths.state,
                           state.error().describe());
}

void RecordFiles::take(MountRecord& mount, state::MountState state) {
  mount.setState(std::move(state));
  mount.readable = mount.due = true;
  const auto paths = context_.store.paths(mount.name);
  // Watched only where it is ours by its name: what a state file calls its directory could be any
  // directory.
  if (mount.state.mount_state_dir == paths.secret_name) {
    context_.tools.events.watchBelow(paths.secret_dir);
  }
  if (auto text = configText(mount)) {
    mount.health.home = homeTarget(*text);
    mount.config_text = std::move(*text);
  }
}

void RecordFiles::readIfChanged(MountRecord& mount) {
  const FileStamp stamp = stampOf(mount, mount.pending);
  if (!stamp.exists() || stamp == mount.stamp) return;
  mount.stamp = stamp;
  read(mount);
}

void RecordFiles::save(MountRecord& mount) {
  const auto written = mount.pending ? context_.store.writePending(mount.name, mount.state)
                                     : context_.store.write(mount.name, mount.state);
  mount.unsaved = !written;
  if (!written) {
    const std::string reason = written.error().describe();
    if (mount.novelty.isNew("save", reason)) {
      context_.tools.log.error("{}: {}", mount.name, reason);
    }
    return;
  }
  mount.novelty.clear("save");
  // Our own writing is no news: without this the next scan would read it again.
  mount.stamp = stampOf(mount, mount.pending);
}

void RecordFiles::publish(const std::string& name) {
  if (const auto published = context_.store.publish(name); !published) {
    context_.tools.log.warning("{}: {}", name, published.error().describe());
  }
}

Result<std::string> RecordFiles::configText(const MountRecord& mount) const {
  if (!mount.command) return mount.command.error();
  return context_.tools.files.read(mount.command->config_path);
}

Status RecordFiles::writeConfig(MountRecord& mount, const std::string& text) {
  if (!mount.command) return mount.command.error();
  const std::string& path = mount.command->config_path;
  const FileStamp known = context_.tools.files.stamp(path);
  // An administrator's mode is kept; a file that is made anew is for nobody else.
  EFS_CHECK(context_.tools.files.write(path, text, known.exists() ? known.mode & 0777U : 0600U));
  mount.health.home = homeTarget(text);
  mount.config_text = text;
  return {};
}

void RecordFiles::restoreConfig(MountRecord& mount) {
  if (!mount.command || mount.config_text.empty()) return;
  if (context_.tools.files.stamp(mount.command->config_path).exists()) return;
  const auto paths = context_.store.paths(mount.name);
  // The configuration names files below it; the certificate comes back by a renewal.
  auto restored = context_.tools.files.makeDirectories(paths.secret_dir, 0700);
  if (restored) restored = writeConfig(mount, std::string(mount.config_text));
  context_.tools.log.warning("{}: the configuration of its tunnel is gone, {}", mount.name,
                             restored ? "written again" : restored.error().describe());
}

}  // namespace efs::watchdog
