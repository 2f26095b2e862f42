// PeerWatch: tells a slow server from a dead one.
//
// TCP_USER_TIMEOUT alone cannot: since Linux 5.11 it also ends a connection whose peer answers
// every probe but keeps its window closed, as a throttled file server does under a flood of writes.
// That would reset a working mount again and again. So while the peer's window is closed the
// timeout is lifted, and the peer counts as dead only when its acknowledgements stop.
#pragma once

#include "efs/net/socket.h"

namespace efs::tls_tunnel {

class PeerWatch {
 public:
  enum class Verdict {
    kQuiet,  // nothing is under way
    kBusy,   // bytes are under way: look again soon
    kDead,   // bytes wait, and the peer has acknowledged nothing for keepalive.user_timeout
  };

  // `fd` is a connected TCP socket with `keepalive` set; both outlive the watch.
  PeerWatch(int fd, const net::KeepAlive& keepalive) : fd_(fd), keepalive_(keepalive) {}

  // More often than keepalive.user_timeout while bytes are under way.
  Verdict look();

 private:
  void setTimeoutLifted(bool lifted);

  int fd_;
  const net::KeepAlive& keepalive_;
  bool lifted_ = false;
};

}  // namespace efs::tls_tunnel
