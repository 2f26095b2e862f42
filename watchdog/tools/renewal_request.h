// RenewalRequest: what the child that makes a client certificate anew must know (act/renewal.h).
#pragma once

#include <string>

#include "efs/base/environment.h"
#include "efs/state/mount_state.h"

namespace efs::watchdog {

struct RenewalRequest {
  state::MountState state;  // certificate, key, names, credentials method
  std::string lock_path;    // of the private key, in the state directory
  std::string client_source;
  std::string client_version;
  bool disable_metadata_token = false;
  std::string dns_suffix;  // of the mount's region, for STS
  // Of this daemon when it was started: for mounts whose state file does not tell theirs, and for
  // what must not stand in a state file, the password of the same proxy.
  Variables daemon_environment = {};
  bool allow_identity_change = false;
};

}  // namespace efs::watchdog
