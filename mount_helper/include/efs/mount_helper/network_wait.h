// Waiting for the network while the machine boots (field: a mount in fstab that fails at random
// because DNS is not up yet).
#pragma once

#include <optional>

#include "efs/base/clock.h"
#include "efs/base/error.h"

namespace efs::mount_helper {

// What is known about this moment.
struct BootSituation {
  bool has_interface = true;  // one beside loopback is up and has an address
  Duration uptime{0};
};
BootSituation bootSituation();

// True for a failure that may heal by itself here: DNS does not answer, and the machine has no
// network yet or has booted less than five minutes ago. A name that does not exist stays so.
bool mayHealWhileBooting(const Error& error, const BootSituation& situation);

}  // namespace efs::mount_helper
