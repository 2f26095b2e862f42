// Where `efsctl metrics --listen` answers: this host alone. What it tells names every mount, and
// there is neither TLS nor a password, so an address that another host can reach is refused.
#pragma once

#include <string>

#include "efs/base/result.h"
#include "efs/base/unique_fd.h"

namespace efs::efsctl {

struct ListenAddress {
  std::string ip;    // of the loopback; empty: a local socket
  int port = 0;      // 0: any
  std::string path;  // absolute
  bool local() const { return !path.empty(); }
  std::string text() const;  // "127.0.0.1:9633", "unix:/run/x"
};

// "127.0.0.1:PORT", "[::1]:PORT", "unix:PATH".
Result<ListenAddress> parseListenAddress(const std::string& text);

// Bound, listening, non-blocking. A local socket takes the place of a dead one; its folder is made
// where it is missing. `group`: may connect to it, beside root; empty: nobody.
Result<UniqueFd> listenAt(const ListenAddress& address, const std::string& group);
// The address that a socket really has: of a port 0 the one that was found.
Result<ListenAddress> addressOf(const ListenAddress& asked, int fd);

}  // namespace efs::efsctl
