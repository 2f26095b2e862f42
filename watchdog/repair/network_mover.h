// NetworkMover: lets the tunnel of a mount work where the mount's NFS client is. A container made
// the mount with a network of its own, and was restarted with another one: tunnels that are started
// in the watchdog's network are out of the client's reach. From then on the mount is one with
// netns= (contract NET-1): its state names the namespace, listener and tunnel are made there.
#pragma once

#include <string>

#include "act/tunnel_keeper.h"
#include "mounts/context.h"
#include "mounts/record_files.h"
#include "mounts/record_jobs.h"

namespace efs::watchdog {

class NetworkMover {
 public:
  NetworkMover(Context& context, RecordFiles& files, RecordJobs& jobs, TunnelKeeper& keeper)
      : context_(context), files_(files), jobs_(jobs), keeper_(keeper) {}

  // Its client is elsewhere: where?
  void search(MountRecord& mount);
  void found(MountRecord& mount, const Result<std::string>& answer);

 private:
  Status move(MountRecord& mount, const std::string& network);

  Context& context_;
  RecordFiles& files_;
  RecordJobs& jobs_;
  TunnelKeeper& keeper_;
};

}  // namespace efs::watchdog
