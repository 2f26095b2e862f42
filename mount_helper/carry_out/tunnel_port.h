// The local port of a mount's tunnel: the one that the option tlsport names, or a free one of the
// configured range (contract NFS-9).
#pragma once

#include "carry_out/kernel_calls.h"
#include "efs/base/result.h"
#include "efs/net/socket.h"
#include "efs/settings/settings.h"
#include "efs/state/state_store.h"
#include "request/mount_request.h"

namespace efs::mount_helper {

// In the mount's network namespace. From here on nobody else can take the port; the state file
// reserves it for other helpers too. kBusy also for a port of a mount that has lost its tunnel and
// its state: its NFS client still asks for it, and would go through our tunnel with our identity.
Result<net::ListeningSocket> listenForTunnel(const MountRequest& request,
                                             const settings::MountSettings& settings,
                                             const state::StateStore& store,
                                             const KernelCalls& kernel);

}  // namespace efs::mount_helper
