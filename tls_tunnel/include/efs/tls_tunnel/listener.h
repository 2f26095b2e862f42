// Where the tunnel's listening socket comes from: handed over by whoever started us, else our own.
#pragma once

#include <string>

#include "efs/base/result.h"
#include "efs/base/unique_fd.h"
#include "efs/net/address.h"

namespace efs::tls_tunnel {

struct TunnelListener {
  UniqueFd fd;  // listening, non-blocking, close-on-exec
  net::Endpoint address;
  bool inherited = false;
};

// By sd_listen_fds(3): descriptor 3 when LISTEN_PID is our own pid. The variables are removed in
// any case. Errors: descriptor 3 is not a listening TCP socket on 127.0.0.1 (TUN-6). Without the
// variables binds 127.0.0.1:port with SO_REUSEADDR; kBusy when another process has it.
Result<TunnelListener> takeListener(int port);

}  // namespace efs::tls_tunnel
