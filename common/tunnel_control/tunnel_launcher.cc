#include "efs/tunnel_control/tunnel_launcher.h"

#include "efs/base/environment.h"
#include "efs/base/programs.h"
#include "efs/base/text.h"
#include "efs/tunnel_control/tunnel_status.h"

namespace efs::tunnel_control {
namespace {

constexpr const char* kProgram = "efs-proxy";
constexpr int kFirstFd = 3;  // SD_LISTEN_FDS_START of sd_listen_fds(3)

Error notFound(const std::string& name, std::string_view directories) {
  return Error(ErrorKind::kNotFound,
               "Failed to locate " + name + " in " + printable(directories, 1000))
      .addHint("is the package installed completely?");
}

Result<std::string> findIn(std::string_view directories, const std::string& name) {
  std::string path = efs::findProgram(name, directories);
  if (!path.empty()) return path;
  return notFound(name, directories);
}

}  // namespace

Result<std::string> findTunnelBinaryIn(std::string_view directories) {
  return findIn(directories, kProgram);
}

Result<std::string> findProgram(const std::string& name) {
  auto found = findIn(kProgramDirectories, name);
  const auto path = environmentVariable("PATH");
  if (found || !path) return found;
  EFS_TRY(there, findUsersProgram(name, *path));
  if (!there.empty()) return there;
  return notFound(name, std::string(kProgramDirectories) + ":" + *path);
}

Result<std::string> findTunnelBinary() { return findProgram(kProgram); }

Result<LaunchedTunnel> launchTunnel(const std::vector<std::string>& cmd, const UniqueFd& listener,
                                    bool want_status, int network_namespace,
                                    std::vector<std::string> reads) {
  if (cmd.empty() || cmd[0].empty() || cmd[0].front() != '/') {
    return Error(ErrorKind::kInvalidInput, "tunnel command does not begin with an absolute path");
  }
  SpawnOptions options;
  options.argv = cmd;
  options.new_session = true;
  options.network_namespace = network_namespace;
  options.init_mounts_if_same = std::move(reads);
  options.ignore_hangup =
      true;  // a renewal may come before the tunnel can read a certificate again
  // The tunnel signs nothing: credentials must not stand in its /proc/<pid>/environ for months, and
  // it is not the service that a manager waits for.
  options.without_env = {"AWS_*", "NOTIFY_SOCKET", "WATCHDOG_*"};
  options.env = proxiesWithoutUser(environmentVariable);
  if (listener.valid()) {
    options.fds.emplace_back(listener.get(), kFirstFd);
    options.env["LISTEN_FDS"] = "1";
    options.env["LISTEN_FDNAMES"] = "nfs";
    options.set_listen_pid = true;
  }
  Pipe status;
  if (want_status) {
    EFS_TRY(pipe, makePipe());
    status = std::move(pipe);
    // Directly after the listener: a gap could hide a leaked descriptor.
    const int target = kFirstFd + static_cast<int>(options.fds.size());
    options.fds.emplace_back(status.write_end.get(), target);
    options.env[kStatusFdVariable] = std::to_string(target);
  }
  EFS_TRY(process, Subprocess::spawn(options));
  return LaunchedTunnel{std::move(process), std::move(status.read_end)};
}

}  // namespace efs::tunnel_control
