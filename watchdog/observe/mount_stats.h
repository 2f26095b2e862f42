// MountStats: the NFS client's own counters of each tunnelled mount (efs/mounts/nfs_stats.h), by
// its port. Used for tunnels that keep no counters of their own.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "efs/base/result.h"
#include "efs/mounts/nfs_stats.h"

namespace efs::watchdog {

using TransportCounters = mounts::NfsTransport;

class MountStats {
 public:
  static Result<MountStats> read(const std::string& path = "/proc/self/mountstats");
  // Mounts of 127.0.0.1 over TCP; lines that are not understood are left out.
  static MountStats parse(std::string_view text);

  // All transports of the mount together (nconnect); null: no such mount.
  const TransportCounters* of(int port) const {
    const auto at = by_port_.find(port);
    return at == by_port_.end() ? nullptr : &at->second;
  }
  std::size_t size() const { return by_port_.size(); }

 private:
  std::map<int, TransportCounters> by_port_;
};

}  // namespace efs::watchdog
