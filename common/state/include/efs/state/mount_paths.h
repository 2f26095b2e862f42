// MountPaths: where the files of one mount are (StateStore::paths()), and those of the directory.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace efs::state {

// Paths of one mount, all derived from the directory and the mount name.
struct MountPaths {
  std::string name;           // fs-x.mnt.efs.20049
  std::string state;          // <dir>/<name>
  std::string pending_state;  // <dir>/~<name>, while the mount is under way
  std::string tunnel_config;  // <dir>/stunnel-config.<name>
  std::string counters;       // <dir>/tunnel-counters.<name>, made by the tunnel
  std::string secret_name;    // <name>+, the key mountStateDir of a mount with TLS
  std::string secret_dir;     // <dir>/<secret_name>, 0700 or root:efs 0750
  std::string certificate;    // <secret_dir>/certificate.pem
  std::string pid_file;       // <secret_dir>/stunnel.pid
  std::string copy;           // <secret_dir>/state.json, the state once more
};

// Lock files of a state directory.
struct StateLocks {
  std::string watchdog;        // held by the one that owns the directory
  std::string watchdog_start;  // fifty first mounts start one watchdog, not fifty
  std::string private_key;     // of this host's private key while it is made
  std::string targets;     // of makers of mounts, by mount point (efs/mounts/target_directory.h)
  std::string identifier;  // of the kernel's NFS client identifier (client_identifier.h)
};

// Whose files these are, for who holds only the path of a tunnel's configuration: "<name>" of
// "<anywhere>/stunnel-config.<name>". nullopt: another file, or nothing after the prefix.
std::optional<std::string> nameOfTunnelConfig(std::string_view path);
// And where that mount's tunnel counts; beside a file of another name, by that name.
std::string countersBeside(std::string_view tunnel_config);

}  // namespace efs::state
