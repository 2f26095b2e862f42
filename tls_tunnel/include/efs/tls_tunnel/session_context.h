// What all sessions of a tunnel share; it outlives them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "efs/loop/event_loop.h"
#include "efs/net/address.h"
#include "efs/tls/revocation_check.h"
#include "efs/tls/tls_client_context.h"
#include "efs/tls_tunnel/address_book.h"
#include "efs/tls_tunnel/connect_pacer.h"
#include "efs/tls_tunnel/limits.h"
#include "efs/tls_tunnel/status_pipe.h"
#include "efs/tls_tunnel/tunnel_meter.h"
#include "efs/tls_tunnel/upstream/bind_exchange.h"

namespace efs::tls_tunnel {

// Several connections to the mount target for one client (upstream/).
struct ScaleState {
  std::uint32_t max_connections = 1;  // 1: the private call is never made
  BindIdentity who;
  bool used = false;       // `who` has bound a connection
  std::string partition;   // of the clients that are bound now
  std::size_t bound = 0;   // clients, each with a first connection ...
  std::size_t joined = 0;  // ... and their further ones: max_connections counts both
  MonoTime not_before{};   // the server lacked the program
  MonoTime search_not_before{};

  // How many more connections of the partition both sides allow, over all clients.
  std::size_t roomForMore(const ScaleTerms& terms) const {
    const std::size_t most = std::min(terms.max_connections, max_connections);
    const std::size_t open = bound + joined;
    return most > open ? most - open : 0;
  }
};

struct SessionContext {
  loop::EventLoop& loop;
  const Limits& limits;
  StatusPipe& status;
  TunnelMeter& meter;
  ConnectPacer& pacer;
  std::string host;  // name or IP literal
  std::uint16_t port = 0;
  tls::TlsClientContext* tls = nullptr;         // nullptr: plain TCP upstream
  tls::RevocationMemory* revocation = nullptr;  // nullptr: revocation is not asked about
  bool proven = false;                          // chain and name of the server are checked
  // Whether the socket at the client's end has been closed by its owner, though its end has not
  // come: it waits there behind bytes that we do not read.
  std::function<bool(const net::Endpoint& client)> orphaned = {};
  AddressBook addresses = {};  // what all sessions have seen of them
  ScaleState scale = {};

  MonoTime now() const { return loop.clock().monotonic(); }
  // As the page of counters has it.
  std::uint64_t countersNow() const { return tunnel_control::countersTime(now()); }
};

// Reads the file of trusted authorities again where it has changed, and says so in the log.
void refreshAuthorities(tls::TlsClientContext& tls);
// A warning where the file is not looked at again.
void tellIfReadOnce(const tls::TlsClientContext& tls);

}  // namespace efs::tls_tunnel
