// StatusPipe: the tunnel's end of the pipe over which its starter learns how far it got
// (tunnel_status.h). Never blocks; a reader that is gone or full is forgotten.
#pragma once

#include <string>

#include "efs/base/error.h"
#include "efs/base/unique_fd.h"
#include "efs/tunnel_control/tunnel_status.h"

namespace efs::tls_tunnel {

class StatusPipe {
 public:
  // Nobody listens.
  StatusPipe() = default;
  // Takes the write end of a pipe.
  explicit StatusPipe(UniqueFd fd);
  // The descriptor named by EFS_STATUS_FD, which is removed from the environment; anything but the
  // number of an open pipe means that nobody listens.
  static StatusPipe fromEnvironment();

  bool open() const { return fd_.valid(); }
  void reached(tunnel_control::Stage stage, std::string detail);
  void failed(tunnel_control::Stage tried, const Error& error);

 private:
  void send(const tunnel_control::TunnelStatus& status);

  UniqueFd fd_;
};

}  // namespace efs::tls_tunnel
