#include "observe/network_view.h"

#include <algorithm>

#include "efs/procfs/processes.h"

namespace efs::watchdog {
namespace {

constexpr Duration kPause{60000};

// Else it may be a container's of the same port, whose client would speak through our tunnel, as
// us. State files of old versions name no place.
bool standsAtItsPlace(const MountRecord& mount,
                      const std::vector<const mounts::MountEntry*>& entries) {
  const std::string& place = mount.state.mountpoint;
  return std::any_of(entries.begin(), entries.end(),
                     [&](const auto* entry) { return place.empty() || entry->target == place; });
}

}  // namespace

bool NetworkView::foundElsewhere(MountRecord& mount) const {
  const MonoTime now = context_.tools.clock.monotonic();
  if (mount.network_seen && now - *mount.network_seen < kPause) return false;
  if (context_.view.mounted(mount.port) != Seen::kYes) return false;
  mount.network_seen = now;
  const bool elsewhere = isElsewhere(mount);
  if (!elsewhere) mount.novelty.clear("network");
  return elsewhere;
}

bool NetworkView::isElsewhere(const MountRecord& mount) const {
  if (!mount.command) return false;
  const auto entries = context_.view.entries(mount.port);
  return standsAtItsPlace(mount, entries) &&
         std::all_of(entries.begin(), entries.end(), [&](const auto* entry) {
           return !context_.tools.kernel.clientHasDevice(entry->device, "").value_or(true) &&
                  isOutOfReach(mount, entry->device);
         });
}

// Not one of our network's. It may be one of the tunnel's, which lives in another: by its mount's
// option netns, or since it was made.
bool NetworkView::isOutOfReach(const MountRecord& mount, dev_t device) const {
  const bool starts_here = mount.command->netns.empty();
  // Its network has no way in that we know any more: a process by which it was named has ended.
  const bool shut_out = !mount.listener && !mount.novelty.text("start").empty();
  if (!mount.tunnel) return starts_here || shut_out;
  const auto there =
      context_.tools.kernel.clientHasDevice(device, procfs::ofProcess(mount.tunnel->pid(), "net"));
  return there ? !*there : starts_here;
}

}  // namespace efs::watchdog
