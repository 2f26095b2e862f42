// SocketTable: who listens on, and who is connected to, ports of 127.0.0.1 (/proc/net/tcp,
// proc(5)). A snapshot: take a new one for each question asked at another time.
#pragma once

#include <sys/types.h>

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "efs/base/result.h"

namespace efs::procfs {

class SocketTable {
 public:
  // Our own network namespace by default; /proc/<pid>/net/tcp shows that of a process.
  static Result<SocketTable> read(const std::string& path = "/proc/net/tcp");
  // Lines that are not understood are left out.
  static SocketTable parse(std::string_view text);

  // Inodes of the sockets that listen on the port, on 127.0.0.1 or on all addresses. Those of other
  // users than root and us are none: whoever finds a port free may listen on it, under any name.
  std::vector<ino_t> listeners(int port) const;
  const std::multimap<int, ino_t>& listeners() const { return listeners_; }
  // Connections to the port wait for somebody to accept them.
  bool hasUnaccepted(int port) const { return unaccepted_.count(port) != 0; }
  // A process holds the server's end of a connection to 127.0.0.1:<port>: whoever serves it lives,
  // however slow it is.
  bool hasAccepted(int port) const { return accepted_.count(port) != 0; }
  // A client end that is connected, or trying to connect, to 127.0.0.1:<port>.
  bool hasClient(int port) const { return client_ports_.count(port) != 0; }

 private:
  std::multimap<int, ino_t> listeners_;
  std::set<int> client_ports_;
  std::set<int> unaccepted_;
  std::set<int> accepted_;
};

// Ports of 127.0.0.1 whose owner leaves bytes, or connections, waiting: a stopped or stuck tunnel
// shows here although its own counters stand still. Of established connections, and of the backlog
// of listening sockets. A set and no table, since it is asked often, of tables of a thousand
// mounts.
std::set<int> unreadPorts(std::string_view proc_net_tcp);

}  // namespace efs::procfs
