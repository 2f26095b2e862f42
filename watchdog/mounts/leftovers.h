// Leftovers: files of mounts that have no state file. A mount.efs that was killed, or found the
// disk full, before it wrote the first one leaves a configuration or a directory that no record
// tells about, and its port would stay reserved for ever.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "mounts/context.h"
#include "mounts/record_jobs.h"
#include "mounts/stray_tunnels.h"

namespace efs::watchdog {

class Leftovers {
 public:
  Leftovers(Context& context, RecordJobs& jobs, StrayTunnels& strays)
      : context_(context), jobs_(jobs), strays_(strays) {}

  // Once a minute. What has been here for ten minutes, and is nobody's, is removed by a child; a
  // tunnel that still listens there ends before.
  void sweep();

 private:
  struct Left {
    MonoTime since;
    int signals = 0;  // that its tunnel got
  };
  bool isUnused(const std::string& name, const procfs::SocketTable& sockets) const;
  void clear(const std::string& name, Left& seen, TunnelSearch& search);
  void endTunnel(const std::string& name, pid_t pid);

  Context& context_;
  RecordJobs& jobs_;
  StrayTunnels& strays_;
  std::map<std::string, Left> seen_;  // by the name of the mount
};

// Of the names in a state directory: mounts of which there is something, but no state file, pending
// or not.
std::set<std::string> namesWithoutState(const std::vector<std::string>& entries);

}  // namespace efs::watchdog
