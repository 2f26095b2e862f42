// Starting a tunnel behind a listening socket (contract 16).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "efs/base/result.h"
#include "efs/base/subprocess.h"
#include "efs/base/unique_fd.h"
#include "efs/tunnel_control/tunnel_command.h"

namespace efs::tunnel_control {

// Full path of efs-proxy: beside our own executable's directory is not trusted; the search is
// /sbin:/usr/sbin:/usr/local/sbin:/root/bin:/usr/local/bin:/usr/bin:/bin, then $PATH (contract 10).
Result<std::string> findTunnelBinary();
// The same search for another program of ours, by name.
Result<std::string> findProgram(const std::string& name);
// The same search in a colon-separated list of directories; relative ones are skipped.
Result<std::string> findTunnelBinaryIn(std::string_view directories);

struct LaunchedTunnel {
  Subprocess process;
  UniqueFd status;  // read end of the status pipe (tunnel_status.h); invalid if not asked for
};

// Starts `cmd` in its own session with stdin, stdout and stderr on /dev/null (EX-3). With a valid
// `listener` it is handed on as descriptor 3 by the sd_listen_fds(3) protocol; otherwise the tunnel
// binds by itself. `listener` stays open here. cmd[0] is an absolute path: nothing is searched.
// `network_namespace` is an open namespace file that the tunnel runs in (NET-1); -1 = ours.
// `reads`: what it needs to find as we see it; where process 1 sees the same files, the tunnel has
// that one's mounts and pins none of ours (SpawnOptions::init_mounts_if_same). Empty: it stays.
Result<LaunchedTunnel> launchTunnel(const std::vector<std::string>& cmd, const UniqueFd& listener,
                                    bool want_status, int network_namespace = -1,
                                    std::vector<std::string> reads = {});

}  // namespace efs::tunnel_control
