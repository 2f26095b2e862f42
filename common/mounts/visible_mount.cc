#include "visible_mount.h"

#include <algorithm>
#include <functional>
#include <utility>
#include <vector>

#include "efs/mounts/mount_source.h"

namespace efs::mounts {
namespace {

std::optional<int> portOf(const MountEntry& entry, std::string_view volumes) {
  const auto port = tunnelPortOfDevice(volumes, entry.device);
  return port ? port : entry.tunnelPort();
}

// The kernel had it before the call: a mount that goes through it was merged.
bool wasThere(const MountEntry& entry, std::optional<int> port, const TableBefore& before) {
  if (before.devices.count(entry.device) != 0 || listsDevice(before.volumes, entry.device)) {
    return true;
  }
  return port && (before.ports.count(*port) != 0 || listsTunnelPort(before.volumes, *port));
}

// Without a tunnel: the only one. (The kernel refuses a second one of this network namespace with
// the same options itself.)
const MountEntry* onlyOne(const std::vector<const MountEntry*>& came) {
  return came.size() == 1 ? came.front() : nullptr;
}

const MountEntry* withPort(const std::vector<const MountEntry*>& came, std::string_view volumes,
                           int port) {
  const auto found = std::find_if(
      came.begin(), came.end(), [&](const auto* entry) { return portOf(*entry, volumes) == port; });
  return found == came.end() ? nullptr : *found;
}

// Its source may be another one's: a superblock keeps the name of its first mount.
const MountEntry* findMerged(const std::vector<const MountEntry*>& came, std::string_view volumes,
                             const TableBefore& before) {
  const MountEntry* merged = nullptr;
  for (const auto* entry : came) {
    if (wasThere(*entry, portOf(*entry, volumes), before)) merged = entry;
  }
  return merged;
}

}  // namespace

std::string nfsVolumes() {
  auto volumes = readVolumes("/proc/thread-self/net");
  return volumes ? std::move(*volumes) : std::string();
}

TableBefore TableBefore::look() {
  const auto table = MountTable::readKernel();
  if (!table) return {};
  return of(*table, nfsVolumes());
}

TableBefore TableBefore::of(const MountTable& table, std::string volumes) {
  TableBefore before;
  before.volumes = std::move(volumes);
  for (const auto& entry : table.entries()) {
    before.ids.insert(entry.id);
    if (entry.isNfs()) before.devices.insert(entry.device);
    if (const auto port = entry.tunnelPort()) before.ports.insert(*port);
  }
  return before;
}

std::size_t placeOf(const std::string& target) { return std::hash<std::string>{}(target); }

OwnVisible findOwn(const MountTable& now, std::string_view volumes, const TableBefore& before,
                   const MountCall& call) {
  std::vector<const MountEntry*> came;
  std::vector<const MountEntry*> alike;  // shown with our source
  for (const auto& entry : now.entries()) {
    const bool is_new = before.ids.count(entry.id) == 0;
    if (!is_new || !entry.isNfs() || entry.target != call.target) continue;
    // Another network namespace's loopback has the same ports.
    if (!mayBeOfNetwork(volumes, entry.device)) continue;
    came.push_back(&entry);
    if (sameSource(call.source, entry.source)) alike.push_back(&entry);
  }
  const MountEntry* own = nullptr;
  if (call.own_port) {
    own = withPort(came, volumes, *call.own_port);
    if (own == nullptr) own = findMerged(came, volumes, before);
    // Merged with one that came in the same moment.
    if (own == nullptr && alike.size() == 1) own = alike.front();
  } else {
    own = onlyOne(alike.empty() ? came : alike);
  }
  if (own == nullptr) return {std::nullopt, !alike.empty()};
  const auto port = portOf(*own, volumes);
  return {VisibleMount{*own, port, call.own_port && port != call.own_port}, false};
}

// Of two without a tunnel the upper one: its maker would have taken it away again.
std::optional<VisibleMount> findLeft(const MountTable& now, std::string_view volumes,
                                     const TableBefore& before, const KilledCall& call) {
  const MountEntry* own = nullptr;
  for (const auto& entry : now.entries()) {
    const bool is_new = before.ids.count(entry.id) == 0;
    if (!is_new || !entry.isNfs() || placeOf(entry.target) != call.place) continue;
    if (!mayBeOfNetwork(volumes, entry.device)) continue;
    const bool has_port = call.own_port && (entry.tunnelPort() == call.own_port ||
                                            portOf(entry, volumes) == call.own_port);
    const bool is_direct = !call.own_port && sameSource(call.source, entry.source);
    if (!has_port && !is_direct) continue;
    if (own == nullptr || entry.parent_id != call.directory) own = &entry;
  }
  if (own == nullptr) return std::nullopt;
  const auto port = portOf(*own, volumes);
  return VisibleMount{*own, port, call.own_port && port != call.own_port};
}

}  // namespace efs::mounts
