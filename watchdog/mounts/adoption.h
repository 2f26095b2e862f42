// Adoption: which process serves a mount whose tunnel is not known here: the one that the state
// file names, or the one that listens on its port.
#pragma once

#include <sys/types.h>

#include <vector>

#include "mounts/context.h"
#include "mounts/record_files.h"
#include "mounts/tunnel_watch.h"

namespace efs::watchdog {

// From one look to the next while connections wait for a tunnel that may not be looked at.
inline constexpr Duration kUnacceptedRetry{1000};

class Adoption {
 public:
  Adoption(Context& context, RecordFiles& files, TunnelWatch& watch)
      : context_(context), files_(files), watch_(watch) {}

  // For a record without a tunnel. Sets `blind` where it could not be found out.
  void adopt(MountRecord& mount, TunnelSearch& search);

 private:
  std::vector<pid_t> candidates(const MountRecord& mount) const;
  bool adoptProcess(MountRecord& mount, TunnelSearch& search, pid_t pid);
  void noteFailure(MountRecord& mount, const Error& error);
  void take(MountRecord& mount, HeldTunnel found);
  bool adoptByPort(MountRecord& mount, TunnelSearch& search);
  bool nobodyServes(MountRecord& mount, TunnelSearch& search) const;
  bool nobodyNeeds(MountRecord& mount) const;
  bool searchIsDue(MountRecord& mount) const;

  Context& context_;
  RecordFiles& files_;
  TunnelWatch& watch_;
};

}  // namespace efs::watchdog
