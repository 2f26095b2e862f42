// MountPlan: everything that will be done, computed from request and facts without touching
// anything.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "efs/aws/credentials.h"
#include "efs/base/clock.h"
#include "efs/identity/client_certificate.h"
#include "efs/mounts/nfs_mount.h"
#include "efs/settings/settings.h"
#include "efs/state/mount_state.h"
#include "efs/state/state_store.h"
#include "efs/tunnel_control/tunnel_config.h"
#include "facts/target_resolver.h"
#include "request/mount_request.h"

namespace efs::mount_helper {

// umount(8) calls /sbin/umount.efs.
inline constexpr const char* kUmountHelper = "efs";

// What was found out about the world.
struct MountFacts {
  std::string region;
  MountTarget target;
  std::optional<aws::Credentials> credentials;  // with iam
  std::optional<state::CredentialsOrigin> credentials_origin;
  std::string host_name;
  std::string tunnel_binary;
  int port = 0;  // of the listener we hold
};

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

MountPlan planMount(const MountRequest& request, const MountFacts& facts,
                    const settings::Settings& settings, const state::StateStore& store,
                    WallTime now);

}  // namespace efs::mount_helper
