// Waiting for the network while a machine boots (contract FLOW-4; design "Where the contract
// yields": a limit, then a failure; never exit code 0 without a mount).
#pragma once

#include <functional>

#include "efs/base/clock.h"
#include "efs/base/result.h"

namespace efs::mount_helper {

struct NetworkWait {
  Status status;
  // The step failed and no interface but loopback is up: the network is the cause.
  bool network_missing = false;
};

// Repeats `step` while it fails and this network namespace has no interface but loopback that is
// up, for at most `patience`. A failure that the network cannot explain (bad input, no such name)
// ends at once.
NetworkWait untilNetworkIsUp(const std::function<Status()>& step, const Clock& clock,
                             Duration patience);

}  // namespace efs::mount_helper
