// TunnelCommand: what the `cmd` of a state file asks for (contract UP-2), and how it is written.
// The argv of a file that an older version wrote is understood here and never executed as it
// stands: the tunnel is started from the parts by launchTunnel().
#pragma once

#include <string>
#include <vector>

#include "efs/base/result.h"

namespace efs::tunnel_control {

struct TunnelCommand {
  // What the command names as the program; it may not exist any more.
  std::string binary;
  std::string config_path;  // absolute
  bool tls = false;         // always true for stunnel, which has no plain mode
  bool stunnel = false;     // written for stunnel or stunnel5
  std::string netns;        // absolute path of a network namespace; empty = our own

  // Known forms, anything else is kInvalidInput:
  //   [nsenter --net=<path>] <dir>/efs-proxy <config> [--tls] [--no-direct-s3-read]
  //   [nsenter --net=<path>] <dir>/stunnel|stunnel5 <config>
  // "fs-..." state files of efs-utils 1.x to 3.2.0 hold no other.
  static Result<TunnelCommand> parse(const std::vector<std::string>& argv);
};

// argv of contract TUN-1: efs-proxy <config> [--tls] --no-direct-s3-read.
std::vector<std::string> tunnelCommand(const std::string& binary, const std::string& config_path,
                                       bool tls);

// The `cmd` of a state file for a tunnel in the namespace `netns`: with the prefix that an older
// watchdog executes after a downgrade (UP-3). We never do; TunnelCommand takes it apart again.
std::vector<std::string> recordedCommand(const std::vector<std::string>& command,
                                         const std::string& netns);

}  // namespace efs::tunnel_control
