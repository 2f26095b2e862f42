#include "observe/mount_stats.h"

namespace efs::watchdog {
namespace {

using mounts::NfsDetail;

std::map<int, TransportCounters> byPort(const std::vector<mounts::NfsStats>& all) {
  std::map<int, TransportCounters> by_port;
  for (const auto& mount : all) {
    if (!mount.source.starts_with("127.0.0.1:") || !mount.port || !mount.transport) continue;
    // Bind mounts show the same superblock again: the last one stands for all.
    by_port[*mount.port] = *mount.transport;
  }
  return by_port;
}

}  // namespace

Result<MountStats> MountStats::read(const std::string& path) {
  EFS_TRY(all, mounts::readNfsStats(path, NfsDetail::kTransports));
  MountStats stats;
  stats.by_port_ = byPort(all);
  return stats;
}

MountStats MountStats::parse(std::string_view text) {
  MountStats stats;
  stats.by_port_ = byPort(mounts::parseNfsStats(text, NfsDetail::kTransports));
  return stats;
}

}  // namespace efs::watchdog
