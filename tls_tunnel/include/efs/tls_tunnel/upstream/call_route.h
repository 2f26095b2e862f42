// CallRoute: over which of several connections a record of the client's may go. Pure.
//
// Only what belongs to an NFSv4.1 session is free: a compound that begins with SEQUENCE. All else
// is for the first connection: minor version 0, NULL, the compounds that make a session or bind a
// connection to one (RFC 8881 sections 18.36, 18.34: the backchannel is bound to the connection
// that carried them), answers to the server's own calls, and what cannot be read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace efs::tls_tunnel {

struct CallRoute {
  bool free = false;           // over any connection of the partition
  bool call = false;           // it is a call: a reply will come
  std::uint32_t xid = 0;       // of a call
  std::uint32_t expected = 0;  // bytes of data the reply will have, as far as that is known (READ)
};

// So much of a message's beginning always suffices; more is never needed.
inline constexpr std::size_t kRouteBytes = 2304;

// `start`: the message's first bytes, without its mark; `whole`: there are no more. nullopt: not
// enough to know.
std::optional<CallRoute> routeOf(std::string_view start, bool whole);

}  // namespace efs::tls_tunnel
