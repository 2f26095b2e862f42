// MountPaths: where the files of one mount are (StateStore::paths()).
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

// Whose files these are, for who holds only the path of a tunnel's configuration: "<name>" of
// "<anywhere>/stunnel-config.<name>". nullopt: another file, or nothing after the prefix.
std::optional<std::string> nameOfTunnelConfig(std::string_view path);
// And where that mount's tunnel counts; beside a file of another name, by that name.
std::string countersBeside(std::string_view tunnel_config);

}  // namespace efs::state
