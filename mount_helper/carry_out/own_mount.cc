#include "carry_out/own_mount.h"

#include <algorithm>

#include "efs/base/log.h"

namespace efs::mount_helper {
namespace {

// A mount of another maker that came to lie on ours goes by itself within a second
// (efs/mounts/stacked_mount.h).
constexpr int kLooks = 150;
constexpr Duration kLook{10};
constexpr int kTries = 2;  // of each mount, the second one lazily

// Unmounting goes by path: what somebody put on top of ours would go instead.
bool isInSight(const mounts::MountTable& table, const mounts::MountEntry& entry) {
  const mounts::MountEntry* top = table.atPath(entry.target);
  return top != nullptr && top->id == entry.id;
}

}  // namespace

OwnMount::OwnMount(int port, const KernelCalls& kernel) : port_(port), kernel_(kernel) {
  const auto table = kernel_.mount_table();
  if (!table) return;
  // A port is used again: what was mounted on it before us is not ours to unmount.
  for (const auto* entry : table->withTunnelPort(port)) before_.insert(entry->id);
}

std::vector<mounts::MountEntry> OwnMount::find(const mounts::MountTable& table) const {
  std::vector<mounts::MountEntry> ours;
  const std::string volumes = kernel_.volumes().value_or("");
  for (const auto* entry : table.withTunnelPort(port_)) {
    // Another network namespace's may show the same port.
    const bool is_new = before_.count(entry->id) == 0;
    if (is_new && mounts::mayBeOfNetwork(volumes, entry->device)) ours.push_back(*entry);
  }
  return ours;
}

void OwnMount::take(const mounts::MountEntry& entry, bool lazily, Duration patience) const {
  auto done = kernel_.unmount(entry.target, lazily, patience);
  if (!done) log::warning("undoing the mount at {}: {}", entry.target, done.error().describe());
}

// One look, one unmount: that of a mount below a shared one takes its copies elsewhere along, and
// what lay beneath them is on top at their places from then on.
bool OwnMount::undo(Duration patience, const Pause& pause) const {
  Tries tries;
  for (int look = 0; look < kLooks;) {
    const auto table = kernel_.mount_table();
    if (!table) return false;
    const auto ours = find(*table);
    if (ours.empty()) return true;
    const auto next = std::find_if(ours.begin(), ours.end(), [&](const auto& entry) {
      return tries[entry.id] < kTries && isInSight(*table, entry);
    });
    if (next != ours.end()) {
      take(*next, tries[next->id]++ > 0, patience);
      continue;
    }
    ++look;
    // Covered, or copies of it still go: nothing to do but to look again.
    (void)pause(kLook);
  }
  return false;
}

}  // namespace efs::mount_helper
