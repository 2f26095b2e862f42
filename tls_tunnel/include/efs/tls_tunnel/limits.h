// The limits and deadlines that a connection meets, as one value that a test can change. What only
// one file knows (sizes of tables and buffers of TLS, OCSP and the log) stands beside its use
// there.
#pragma once

#include <cstddef>

#include "efs/base/clock.h"
#include "efs/net/socket.h"

namespace efs::tls_tunnel {

struct Limits {
  // Client connections at once. The kernel opens one per mount, or up to 16 with nconnect.
  std::size_t sessions = 64;
  // Connections accepted per wake-up, so that a storm of them does not starve running ones.
  int accepts_per_turn = 16;
  // Where the table of all sockets is read to look clients up: once for all that wait.
  int accepts_per_costly_turn = 512;
  // Pause after accept(2) failed for lack of descriptors or memory.
  Duration accept_pause{1000};
  // A client that connects and says nothing: longer than any port probe, and the kernel never does.
  Duration first_byte{60000};

  Duration resolve{5000};
  Duration connect_one{5000};  // one address
  Duration connect_all{10000};
  // RFC 8305 section 5: "Connection Attempt Delay".
  Duration connect_stagger{250};
  // How long the addresses of DNS may try before one that it does not name.
  Duration last_resort{2000};
  std::size_t addresses = 16;
  Duration handshake{10000};
  // OCSP: one responder, and everything that is asked about one server.
  Duration responder{5000};
  Duration revocation{12000};
  // The bind call on a client's first connection, before the connection is used without it.
  Duration bind{5000};
  // After a server that lacks it, and after a search that found none.
  Duration scale_rest{300000};
  // How long others may answer when calls of one connection are lost.
  Duration calls_lost{1000};
  // Further connections leave when so much less than the threshold was moved for so long.
  Duration scale_idle{300000};
  // Pauses after failed attempts (ConnectPacer).
  Duration retry_first{50};
  Duration retry_most{5000};
  // After one side ended its direction: how long the other may stay without moving a byte.
  Duration half_closed{60000};

  std::size_t buffer = std::size_t{256} << 10U;         // per direction: full stops reading ...
  std::size_t buffer_resume = std::size_t{128} << 10U;  // ... until it has drained to this
  std::size_t bytes_per_turn = std::size_t{1024}
                               << 10U;  // per connection, then the others get their turn
  // A connection that moved nothing between two looks gives its buffers back; far below
  // keepalive.user_timeout, which PeerWatch must lift in time.
  Duration idle_look{2000};

  // Without memory for a buffer: how often to look for some, and for how long.
  Duration starved_look{100};
  Duration starved{5000};
  // A client that leaves after so long without one byte from the server speaks against the address.
  Duration unserved{10000};

  // Towards the server. user_timeout: see PeerWatch.
  net::KeepAlive keepalive;
};

}  // namespace efs::tls_tunnel
