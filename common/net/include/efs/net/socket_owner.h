// SocketOwners: whose socket is it? For a listener on loopback that wants to know which user stands
// at the other end of a connection (contract 25 item 19).
//
// Asked with sock_diag(7): one question, one answer, no privilege needed. Where the kernel has no
// tcp_diag module, the table /proc/net/tcp is read instead. Only the own network namespace is seen,
// and only IPv4, because the tunnel listens on 127.0.0.1 alone.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>

#include "efs/base/result.h"
#include "efs/base/unique_fd.h"
#include "efs/net/address.h"

namespace efs::net {

struct SocketOwner {
  uid_t uid = 0;            // of a closed socket the kernel says 0: look at `inode` first
  std::uint64_t inode = 0;  // 0: closed by its owner, or never had one
  bool connected = false;   // tcpConnected()
};

// nullopt: there is no such socket.
using FoundOwner = std::optional<SocketOwner>;

class SocketOwners {
 public:
  explicit SocketOwners(std::string tcp_table = "/proc/net/tcp")
      : tcp_table_(std::move(tcp_table)) {}

  // Opens the netlink socket and finds out, with a socket of its own, whether the kernel answers
  // there: "no such socket" and "no such module" are the same error. find() does it otherwise.
  void prepare();
  // The socket whose own end is `local` and whose peer is `remote`. Never waits. Errors: not IPv4
  // (kInvalidInput), or neither source can be read.
  Result<FoundOwner> find(const Endpoint& local, const Endpoint& remote);
  // As on a kernel without sock_diag.
  void forceTable() {
    prepared_ = true;
    netlink_.reset();
  }
  // Where the table is read: reads it once, for all answers of find() until forget(). Whoever asks
  // about many sockets at a time does so after it has them: what is in the table is older than what
  // comes later. Elsewhere it does nothing.
  void readTable();
  void forget() { rows_.reset(); }
  // Why the table is read; empty when it is not.
  const std::string& whyTable() const { return why_table_; }

 private:
  Status tryKernel();
  Result<FoundOwner> askKernel(const Endpoint& local, const Endpoint& remote);

  // Addresses and ports of both ends, in the order local, remote.
  using Ends = std::tuple<std::uint32_t, std::uint16_t, std::uint32_t, std::uint16_t>;

  std::string tcp_table_;
  std::optional<std::map<Ends, SocketOwner>> rows_;
  bool prepared_ = false;
  UniqueFd netlink_;
  std::uint32_t sequence_ = 0;
  std::string why_table_;
};

// The answer to the question with this sequence number and these ends. kBusy: an answer to another
// question; kProtocol: anything not understood; else what the kernel says.
Result<FoundOwner> parseSockDiagReply(std::string_view datagram, std::uint32_t sequence,
                                      const Endpoint& local, const Endpoint& remote);

// Reads the table piece by piece, at most 64 MiB of it.
Result<FoundOwner> findInTcpTable(const std::string& path, const Endpoint& local,
                                  const Endpoint& remote);

}  // namespace efs::net
