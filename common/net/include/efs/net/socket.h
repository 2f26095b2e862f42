// Sockets: connect with a deadline, listen on loopback, choose the tunnel's port.
#pragma once

#include <functional>
#include <utility>
#include <vector>

#include "efs/base/clock.h"
#include "efs/base/result.h"
#include "efs/base/unique_fd.h"
#include "efs/net/address.h"

namespace efs::net {

// Blocking socket, close-on-exec, TCP_NODELAY. Kinds: kRefused, kTimeout, kUnreachable, kReset.
Result<UniqueFd> connectTcp(const Endpoint& to, Duration patience);
// Non-blocking connect under way; finish with connectResult() when writable.
Result<UniqueFd> startConnect(const Endpoint& to);
Status connectResult(int fd);

struct KeepAlive {
  Duration idle{10000};
  Duration interval{5000};
  int count = 3;
  // TCP_USER_TIMEOUT: unacknowledged data older than this ends the connection.
  Duration user_timeout{25000};
};
Status setKeepAlive(int fd, const KeepAlive& settings);
Status setNoDelay(int fd);

struct ListeningSocket {
  UniqueFd fd;  // bound to 127.0.0.1, listening, SO_REUSEADDR, close-on-exec, non-blocking
  int port = 0;
};
// kBusy when the port is taken. port 0 = any.
Result<ListeningSocket> listenLoopback(int port, int backlog = 128);

// Contract NFS-9: a random order over [lower, upper); `reserved` tells ports that state files hold.
// kBusy when no port is left; kInvalidInput when lower >= upper. The socket is bound and listening
// when this returns, so nobody else can take the port in between (GHSA-4fv8-w65m-3932).
Result<ListeningSocket> listenInRange(int lower, int upper,
                                      const std::function<bool(int)>& reserved);

}  // namespace efs::net
