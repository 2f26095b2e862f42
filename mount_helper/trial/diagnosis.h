// Diagnosis: turns what failed on the way to a mount into one sentence that names step, object and
// likely fix. Pure, so that every sentence is tested.
#pragma once

#include <optional>
#include <string>

#include "efs/base/error.h"
#include "efs/tunnel_control/tunnel_status.h"
#include "facts/mount_facts.h"
#include "request/mount_request.h"

namespace efs::mount_helper {

// What the sentences are made of.
struct Scene {
  const MountRequest& request;
  const MountTarget& target;
  std::string peer;    // "<ip>:<port>" of the mount target, if known
  std::string signer;  // "access key AKIA... from instance role web"; empty without iam
  // What the tunnel reported, if anything.
  std::optional<tunnel_control::TunnelStatus> tunnel_failure;
};

// Who signed, as the sentences name him; empty without credentials.
std::string signerOf(const std::optional<aws::Credentials>& credentials);

// `cause` is the error of the probe or of mount(2). The result keeps its kind and the inner texts
// that users search for ("access denied by server", "Connection reset by peer", contract NFS-6).
Error explain(const Error& cause, const Scene& scene);

// Contract NFS-5: whether another attempt may help.
bool worthRetrying(const Error& error, const MountRequest& request);

}  // namespace efs::mount_helper
