// KernelMount: from a tunnel that listens to a mount that goes through this very tunnel: the
// pre-flight, the name of the NFS client, mount(2), the tries of NFS-4, and once more apart where
// the kernel merged it with another mount.
//
// Undoes nothing: what a failed try may have left is OwnMount's, whose owner ends the tunnel after
// it.
#pragma once

#include "carry_out/mount_context.h"
#include "carry_out/mount_times.h"
#include "efs/base/result.h"
#include "efs/mounts/client_identifier.h"
#include "efs/mounts/nfs_mount.h"
#include "plan/mount_plan.h"
#include "request/mount_request.h"
#include "trial/own_tunnel.h"

namespace efs::mount_helper {

// What every mount of this host keeps to; `patience` and the port are those of each.
mounts::MountRules mountRules(const MountContext& context);

class KernelMount {
 public:
  // All of them outlive the object.
  struct Parts {
    const MountRequest& request;
    const MountFacts& facts;
    const MountPlan& plan;
    const MountContext& context;
    const MountAttempt& attempt;
    OwnTunnel& tunnel;
  };
  explicit KernelMount(const Parts& parts) : parts_(parts) {}

  // In the mount's network namespace. Never kMerged: that is an error after several tries. Errors
  // are those of diagnosis.h; a tunnel that died meanwhile is named.
  Result<mounts::MountOutcome> make();

 private:
  using Namer = mounts::OwnClientIdentifier::Namer;
  using MountOutcome = mounts::MountOutcome;

  Error attemptFailure(const Error& cause);
  Status preflight(Duration patience);
  Result<MountOutcome> mountOnce(Duration patience);
  Result<MountOutcome> mountAs(const Namer& namer, Duration patience);
  Result<MountOutcome> mountWithin(const Namer& namer, Duration patience);
  Result<MountOutcome> mountInTries();
  Result<MountOutcome> mountApart(MountOutcome merged);
  MountTimes times() const;

  Parts parts_;
};

}  // namespace efs::mount_helper
