#include "carry_out/own_mount.h"

#include "efs/base/log.h"
#include "efs/mounts/unmount.h"

namespace efs::mount_helper {

OwnMount::OwnMount(int port) : port_(port) {
  const auto table = mounts::MountTable::readKernel();
  if (!table) return;
  for (const auto* entry : table->withTunnelPort(port)) before_.insert(entry->id);
}

std::vector<mounts::MountEntry> OwnMount::find(const mounts::MountTable& table) const {
  std::vector<mounts::MountEntry> ours;
  for (const auto* entry : table.withTunnelPort(port_)) {
    if (before_.count(entry->id) == 0) ours.push_back(*entry);
  }
  return ours;
}

bool OwnMount::undo(Duration patience) const {
  for (const bool lazy : {false, true}) {
    const auto table = mounts::MountTable::readKernel();
    if (!table) return false;
    const auto ours = find(*table);
    if (ours.empty()) return true;
    for (const auto& entry : ours) {
      // Unmounting goes by path: what somebody put on top of ours would go instead.
      const mounts::MountEntry* top = table->atPath(entry.target);
      if (top == nullptr || top->id != entry.id) continue;
      if (auto done = mounts::unmount(entry.target, lazy, patience); !done) {
        log::warning("undoing the mount at {}: {}", entry.target, done.error().describe());
      }
    }
  }
  const auto table = mounts::MountTable::readKernel();
  return table && find(*table).empty();
}

}  // namespace efs::mount_helper
