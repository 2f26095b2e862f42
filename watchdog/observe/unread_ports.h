// UnreadPorts: ports of 127.0.0.1 whose owner leaves bytes, or connections, waiting
// (/proc/net/tcp). A stopped or stuck tunnel shows here although its own counters stand still.
#pragma once

#include <set>
#include <string_view>

namespace efs::watchdog {

// Ports with a receive queue that is not empty: of established connections, and of the backlog of
// listening sockets. Lines that are not understood are left out.
std::set<int> unreadPorts(std::string_view proc_net_tcp);

}  // namespace efs::watchdog
