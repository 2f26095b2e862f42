#include "efs/tunnel_control/socket_table.h"

#include <arpa/inet.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>

#include "efs/base/files.h"
#include "efs/net/tcp_table.h"

namespace efs::tunnel_control {
namespace {

// 150 bytes per socket: more than 400000 sockets, then the answer is "unknown".
constexpr std::size_t kMaxTable = 64U << 20U;

// Tunnels inherit theirs from mount.efs or from us, and a socket keeps the user who made it.
bool isTrusted(std::uint32_t uid) { return uid == 0 || uid == ::geteuid(); }

}  // namespace

Result<SocketTable> SocketTable::read(const std::string& path) {
  EFS_TRY(text, readFile(path, kMaxTable));
  return parse(text);
}

SocketTable SocketTable::parse(std::string_view text) {
  SocketTable table;
  const std::uint32_t loopback = htonl(INADDR_LOOPBACK);
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    const auto row = net::parseTcpRow(line);
    if (!row) continue;
    const bool client = row->state == net::kTcpEstablished || row->state == net::kTcpSynSent;
    if (client && row->remote.ip == loopback) table.client_ports_.insert(row->remote.port);
    // Without an inode it has not been accepted, or was closed.
    if (row->state == net::kTcpEstablished && row->local.ip == loopback && row->inode != 0)
      table.accepted_.insert(row->local.port);
    const bool here = row->local.ip == loopback || row->local.ip == INADDR_ANY;
    if (row->state == net::kTcpListen && here && isTrusted(row->uid)) {
      table.listeners_.emplace(row->local.port, row->inode);
      if (row->waiting != 0) table.unaccepted_.insert(row->local.port);
    }
  }
  return table;
}

std::vector<ino_t> SocketTable::listeners(int port) const {
  std::vector<ino_t> inodes;
  const auto [first, last] = listeners_.equal_range(port);
  for (auto it = first; it != last; ++it) inodes.push_back(it->second);
  return inodes;
}

}  // namespace efs::tunnel_control
