// The private RPC by which a mount target lets several connections share one client's NFS state:
// program 400123, version 1, procedure 2, "bind client to partition". It is the first call of a
// connection, before any NFS byte; afterwards the connection carries NFS as ever.
//
//   argument: identifier opaque<16>, incarnation opaque<8>
//   result:   union of an int: 0 RETRY string, 1 RETRY_LATER string, 2 PREFERRED opaque[64],
//             3 READY opaque[64], 4 ERROR string, others void; then four ints: most connections,
//             bytes a second from which more are worth while, seconds it must be exceeded, seconds
//             to look back
//
// Connections that were told the same partition share sessions; one that is bound to another
// answers them with NFS4ERR_BADSESSION.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "efs/base/clock.h"
#include "efs/base/result.h"
#include "efs/io/transport.h"

namespace efs::tls_tunnel {

// Who binds: one tunnel, and which life of its client's connection.
struct BindIdentity {
  std::array<char, 16> identifier{};  // random
  std::uint64_t incarnation = 0;
};

// What the server says about further connections; our own words where it says nothing sensible.
struct ScaleTerms {
  static constexpr std::uint32_t kMostConnections = 16;
  std::uint32_t max_connections = 5;  // 1 ... kMostConnections
  std::uint64_t bytes_per_second = std::uint64_t{300} << 20U;
  Duration exceeded{1000};
};

struct BindAnswer {
  enum class Kind { kRetry, kRetryLater, kPreferred, kReady, kError, kUnknown };
  Kind kind = Kind::kUnknown;
  std::string partition;  // 64 bytes, of kPreferred and kReady
  std::string text;       // printable, of the others
  ScaleTerms terms;
};

// The call as a whole record.
std::string bindCall(std::uint32_t xid, const BindIdentity& who);
// `message`: the reply without marks. Errors as rpc::readReply(); kProtocol for what cannot be
// decoded.
Result<BindAnswer> readBindAnswer(std::string_view message, std::uint32_t xid);

// The call and its answer on one connection. Pure: a Transport and nothing else. Reads the answer
// and not a byte more.
class BindExchange {
 public:
  // The transport must outlive the exchange.
  BindExchange(io::Transport& transport, std::uint32_t xid, const BindIdentity& who)
      : transport_(transport), xid_(xid), call_(bindCall(xid, who)) {}

  // Again after each event until there is something; kReset for a server that ends the connection.
  std::optional<Result<BindAnswer>> step();

 private:
  std::optional<Error> send();

  io::Transport& transport_;
  std::uint32_t xid_;
  std::string call_;
  std::size_t sent_ = 0;
  std::string reply_;  // with its mark
};

}  // namespace efs::tls_tunnel
