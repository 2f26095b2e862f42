// Rebuild: the state of a mount whose state file is missing or broken, from what is left: the
// kernel's mount table, the tunnel's configuration, the certificate. What nothing tells is named.
#pragma once

#include <string>
#include <vector>

#include "efs/base/clock.h"
#include "efs/base/result.h"
#include "efs/crypto/certificate.h"
#include "efs/mounts/mount_table.h"
#include "efs/state/mount_state.h"
#include "efs/state/state_files.h"
#include "efs/state/state_store.h"
#include "efs/tunnel_control/tunnel_config.h"

namespace efs::watchdog {

struct RebuiltState {
  state::MountState state;
  std::vector<std::string> lost;  // for people: "the source of its credentials"
};

// `certificate` may be null: not there, or not readable. `binary`: the tunnel to start next time.
// Without the source of its credentials a certificate that carries some is not renewed: another
// identity must never take its place (contract CRED-10).
RebuiltState rebuildState(const state::MountPaths& paths, const std::string& mountpoint,
                          const tunnel_control::TunnelConfig& config,
                          const crypto::CertificateFacts* certificate, const std::string& binary,
                          WallTime now);

// The mount whose tunnel configuration lies in the state directory and ends in this port; empty:
// none, or more than one. An error: the directory cannot be read.
Result<std::string> nameByPort(state::StateFiles& files, const std::string& state_directory,
                               int port);

}  // namespace efs::watchdog
