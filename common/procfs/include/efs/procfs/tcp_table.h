// Rows of /proc/net/tcp (proc(5)): one IPv4 TCP socket each.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace efs::procfs {

// 150 bytes per socket: more than 400000 sockets, then the answer is "unknown".
inline constexpr std::size_t kMaxTcpTable = 64U << 20U;

// States of include/net/tcp_states.h, as that file and sock_diag(7) number them.
inline constexpr unsigned kTcpEstablished = 1;
inline constexpr unsigned kTcpSynSent = 2;
inline constexpr unsigned kTcpFinWait1 = 4;
inline constexpr unsigned kTcpFinWait2 = 5;
inline constexpr unsigned kTcpListen = 10;

// Also when its owner has ended its own sending (shutdown(2)) and still reads.
constexpr bool tcpConnected(unsigned state) {
  return state == kTcpEstablished || state == kTcpFinWait1 || state == kTcpFinWait2;
}

struct TcpRow {
  struct End {
    std::uint32_t ip = 0;  // network order, as in sockaddr_in
    std::uint16_t port = 0;
    bool operator==(const End&) const = default;
  };
  End local;
  End remote;
  unsigned state = 0;
  std::uint32_t uid = 0;
  std::uint64_t inode = 0;  // 0: no process owns the socket any more
  // Bytes that its owner has not read; of a listening socket, connections nobody has accepted.
  std::uint32_t waiting = 0;
};

// One line without its end; nullopt for the header and for anything not understood.
std::optional<TcpRow> parseTcpRow(std::string_view line);

// Calls `visit` with each row of a table that is in memory.
template <typename Visit>
void forEachTcpRow(std::string_view table, Visit visit) {
  while (!table.empty()) {
    const std::string_view line = table.substr(0, table.find('\n'));
    table.remove_prefix(std::min(line.size() + 1, table.size()));
    if (const auto row = parseTcpRow(line)) visit(*row);
  }
}

}  // namespace efs::procfs
