#include <fmt/format.h>
#include <sys/sysmacros.h>

#include <map>

#include "efs/efsctl/status.h"
#include "request/device.h"

namespace efs::efsctl {

std::vector<SeenMount> directMounts(const mounts::MountTable& table) {
  std::map<dev_t, SeenMount> found;
  for (const auto& entry : table.entries()) {
    if (!entry.isNfs() || entry.tunnelPort()) continue;
    const auto device = mount_helper::parseDevice(entry.source);
    if (!device || device->fs_id.empty() || !device->dns_name) continue;
    SeenMount& mount = found[entry.device];
    mount.name = fmt::format("direct.{}:{}", major(entry.device), minor(entry.device));
    mount.mounted = Seen::kYes;
    mount.mount_points.push_back(entry.target);
    mount.direct = {.file_system = device->fs_id,
                    .host = *device->dns_name,
                    .address = entry.option("addr").value_or(""),
                    .region = device->region.value_or("")};
  }
  std::vector<SeenMount> mounts;
  mounts.reserve(found.size());
  for (auto& [device, mount] : found) mounts.push_back(std::move(mount));
  return mounts;
}

}  // namespace efs::efsctl
