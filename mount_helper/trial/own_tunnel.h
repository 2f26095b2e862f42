// OwnTunnel: the tunnel that this mount started, and what it reports on its status pipe.
#pragma once

#include <optional>
#include <string>

#include "efs/base/clock.h"
#include "efs/base/result.h"
#include "efs/base/subprocess.h"
#include "efs/base/unique_fd.h"
#include "efs/net/socket.h"
#include "efs/tunnel_control/tunnel_status.h"
#include "plan/mount_plan.h"

namespace efs::mount_helper {

class OwnTunnel {
 public:
  // Starts the tunnel behind `listener` and waits until it serves it. The error names the tunnel's
  // own reason.
  static Result<OwnTunnel> start(const MountPlan& plan, const net::ListeningSocket& listener,
                                 const Clock& clock, Duration patience);

  pid_t pid() const { return process_.pid(); }
  int pidFd() const { return process_.pidFd(); }
  bool alive() const;
  // SIGTERM to the tunnel's process group, SIGKILL if it does not end within a second.
  void stop();

  // Reads what the tunnel has written, waiting up to `patience` for the first line.
  void readStatus(Duration patience);
  // The newest failure reported since forgetFailure(), if any.
  const std::optional<tunnel_control::TunnelStatus>& failure() const { return failure_; }
  void forgetFailure() { failure_.reset(); }
  // Last known "<ip>:<port>" of the mount target, for messages; empty before the first connection.
  const std::string& peer() const { return peer_; }
  // Protocol and cipher of the newest TLS handshake that was done; empty before the first.
  const std::string& secured() const { return secured_; }

 private:
  OwnTunnel(Subprocess process, UniqueFd status)
      : process_(std::move(process)), status_(std::move(status)) {}
  void takeLines();

  Subprocess process_;
  UniqueFd status_;
  std::string pending_;  // an incomplete line
  bool listening_ = false;
  std::string peer_;
  std::string secured_;
  std::optional<tunnel_control::TunnelStatus> failure_;
};

}  // namespace efs::mount_helper
