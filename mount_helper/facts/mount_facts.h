// MountFacts: what was found out about the world, as data. A plan is made of it; FactFinder and the
// steps before the plan fill it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "efs/aws/credentials.h"
#include "efs/state/mount_state.h"

namespace efs::mount_helper {

struct MountTarget {
  std::string dns_name;           // the name that resolved (or would have, with an IP given)
  std::optional<std::string> az;  // zone asked for in the name
  std::string first_address;      // for the log
  // What the tunnel connects to where that is not `dns_name`: an address, or the user's own name.
  std::string connect_host = {};
  bool pinned = false;  // /etc/hosts gives `dns_name` its address

  const std::string& peer() const { return connect_host.empty() ? dns_name : connect_host; }
};

// What to do about a mount target that does not answer.
inline constexpr std::string_view kSecurityGroupHint =
    "the mount target's security group must allow TCP port 2049 from this host";

struct MountFacts {
  std::string region;
  MountTarget target;
  std::optional<aws::Credentials> credentials;  // with iam
  std::optional<state::CredentialsOrigin> credentials_origin;
  std::string host_name;
  std::string tunnel_binary;
  int port = 0;  // of the listener we hold
};

}  // namespace efs::mount_helper
