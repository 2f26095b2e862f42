// MountPlan: everything that will be done, computed from request and facts without touching
// anything.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "efs/base/clock.h"
#include "efs/identity/certificate_request.h"
#include "efs/mounts/nfs_request.h"
#include "efs/settings/settings.h"
#include "efs/state/mount_paths.h"
#include "efs/state/mount_state.h"
#include "efs/tunnel_control/tunnel_config.h"
#include "facts/mount_facts.h"
#include "request/mount_request.h"

namespace efs::mount_helper {

struct MountPlan {
  state::MountPaths paths;
  tunnel_control::TunnelConfig tunnel;
  std::string tunnel_config_text;
  std::vector<std::string> tunnel_command;
  state::MountState state;                                  // pid -1 until the tunnel runs
  std::optional<identity::CertificateRequest> certificate;  // with tls
  mounts::NfsMountRequest nfs;
  unsigned long rsize = 1048576;
};

// What read-ahead follows from (NFS-8).
unsigned long readSize(const mounts::OptionList& options);

// DNS-8: the part of a name that the server's certificate is checked for begins at the file system
// id.
std::string certificateHost(const std::string& dns_name, const std::string& fs_id);

// The name of the mount's files, once its port is known (ST-1).
std::string mountNameOf(const MountRequest& request, const MountFacts& facts);

// `paths`: of that name.
MountPlan planMount(const MountRequest& request, const MountFacts& facts,
                    const settings::Settings& settings, const state::MountPaths& paths,
                    WallTime now);

}  // namespace efs::mount_helper
