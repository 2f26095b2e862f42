// The signals a running efs-proxy understands. SIGTERM and SIGINT end it (exit 0, TUN-4).
#pragma once

#include <signal.h>

namespace efs::tunnel_control {

// Reads the client certificate again, for connections made from now on (TUN-4).
inline constexpr int kReloadSignal = SIGHUP;

// Drops every upstream and the client connection that belongs to it, forgets all back-off, and asks
// DNS again for the kernel's next connection, which comes at once. The listener stays open.
// Tunnels of older versions die of it: send it only to a tunnel that has a page of counters
// (tunnel_counters.h) with its own pid in it.
inline constexpr int kReconnectSignal = SIGUSR1;

// Its log tells everything (level debug) from now on; sent again, what the configuration says.
// Older versions die of it: for people, who look at what runs first.
inline constexpr int kDebugSignal = SIGUSR2;

}  // namespace efs::tunnel_control
