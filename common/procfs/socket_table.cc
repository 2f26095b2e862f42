#include "efs/procfs/socket_table.h"

#include <arpa/inet.h>
#include <unistd.h>

#include <cstdint>

#include "efs/base/files.h"
#include "efs/procfs/tcp_table.h"

namespace efs::procfs {
namespace {

// Tunnels inherit theirs from mount.efs or from us, and a socket keeps the user who made it.
bool isTrusted(std::uint32_t uid) { return uid == 0 || uid == ::geteuid(); }

}  // namespace

Result<SocketTable> SocketTable::read(const std::string& path) {
  EFS_TRY(text, readFile(path, kMaxTcpTable));
  return parse(text);
}

SocketTable SocketTable::parse(std::string_view text) {
  SocketTable table;
  const std::uint32_t loopback = htonl(INADDR_LOOPBACK);
  forEachTcpRow(text, [&](const TcpRow& row) {
    const bool client = row.state == kTcpEstablished || row.state == kTcpSynSent;
    if (client && row.remote.ip == loopback) table.client_ports_.insert(row.remote.port);
    // Without an inode it has not been accepted, or was closed.
    if (row.state == kTcpEstablished && row.local.ip == loopback && row.inode != 0)
      table.accepted_.insert(row.local.port);
    const bool here = row.local.ip == loopback || row.local.ip == INADDR_ANY;
    if (row.state == kTcpListen && here && isTrusted(row.uid)) {
      table.listeners_.emplace(row.local.port, row.inode);
      if (row.waiting != 0) table.unaccepted_.insert(row.local.port);
    }
  });
  return table;
}

std::vector<ino_t> SocketTable::listeners(int port) const {
  std::vector<ino_t> inodes;
  const auto [first, last] = listeners_.equal_range(port);
  for (auto it = first; it != last; ++it) inodes.push_back(it->second);
  return inodes;
}

std::set<int> unreadPorts(std::string_view proc_net_tcp) {
  std::set<int> ports;
  forEachTcpRow(proc_net_tcp, [&ports](const TcpRow& row) {
    const bool serves = row.state == kTcpEstablished || row.state == kTcpListen;
    if (serves && row.waiting != 0 && row.local.ip == htonl(INADDR_LOOPBACK))
      ports.insert(row.local.port);
  });
  return ports;
}

}  // namespace efs::procfs
