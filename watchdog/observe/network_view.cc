#include "observe/network_view.h"

#include <algorithm>

namespace efs::watchdog {
namespace {

constexpr Duration kPause{60000};
constexpr const char* kElsewhere =
    "its NFS client is in another network namespace, from which this tunnel cannot be reached";

}  // namespace

void NetworkView::refresh(MountRecord& mount) const {
  const MonoTime now = context_.tools.clock.monotonic();
  if (mount.network_seen && now - *mount.network_seen < kPause) return;
  if (context_.view.mounted(mount.port) != Seen::kYes) return;
  mount.network_seen = now;
  if (!isElsewhere(mount)) return mount.novelty.clear("network");
  if (!mount.novelty.isNew("network", kElsewhere)) return;
  context_.tools.log.warning(
      "{}: {}: it hangs until it is unmounted (umount -f -l) and mounted again", mount.name,
      kElsewhere);
}

// Those of a tunnel that we start in a network of its own are asked for there, by their port.
bool NetworkView::isElsewhere(const MountRecord& mount) const {
  if (!mount.command || !mount.command->netns.empty()) return false;
  const auto entries = context_.view.entries(mount.port);
  return !entries.empty() && std::all_of(entries.begin(), entries.end(), [this](const auto* entry) {
    return !context_.tools.kernel.clientHasDevice(entry->device).value_or(true);
  });
}

}  // namespace efs::watchdog
