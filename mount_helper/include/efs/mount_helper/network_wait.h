// Waiting for the network while a machine boots (contract FLOW-4): a limit, then a
// failure; never exit code 0 without a mount.
#pragma once

#include <functional>

#include "efs/base/clock.h"
#include "efs/base/result.h"

namespace efs::mount_helper {

struct NetworkWait {
  Status status;
  // The step failed because the network is not there.
  bool network_missing = false;
};

// Whether waiting may cure the failure: this network namespace has no interface but loopback that
// is up, or the machine has booted less than two minutes ago and DNS does not answer (an interface
// may be up before its routes and DNS servers are). Never for bad input; a name that does not exist
// is asked again only without an interface.
bool networkMayBeTheCause(const Error& error, bool has_interface, Duration since_boot);

// Repeats `step` while it fails so, for at most `patience`. Any other failure ends at once.
NetworkWait untilNetworkIsUp(const std::function<Status()>& step, const Clock& clock,
                             Duration patience);

}  // namespace efs::mount_helper
