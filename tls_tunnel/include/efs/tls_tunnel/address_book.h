// AddressBook: what former connections have shown about the server's addresses. Pure.
//
// An address is good once a server has sent a byte from there: one that accepts connections and
// hangs or closes in TLS, or behind it, proves nothing. One that failed goes last for some minutes,
// so that it is not tried for ever while a good one waits behind it.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "efs/base/clock.h"
#include "efs/net/address.h"

namespace efs::tls_tunnel {

class AddressBook {
 public:
  // How long a failure is held against an address.
  static constexpr Duration kPenalty{5 * 60 * 1000};

  void served(const net::Endpoint& address);
  void failed(const net::Endpoint& address, MonoTime now);
  // The last that served, whatever happened to it since.
  const std::optional<net::Endpoint>& lastGood() const { return last_good_; }

  // In which order to try them, at most `limit`: the last good one first, families taking turns;
  // those that failed behind all others, whose failure is oldest first.
  std::vector<net::Endpoint> order(const std::vector<net::Endpoint>& addresses, MonoTime now,
                                   std::size_t limit) const;

 private:
  struct Failure {
    std::string ip;
    MonoTime when;
  };
  const Failure* failureOf(const net::Endpoint& address, MonoTime now) const;
  void forget(const std::string& ip);

  std::optional<net::Endpoint> last_good_;
  std::vector<Failure> failures_;  // the oldest first
};

// "10.0.0.5:2049", "[fd00::1]:2049" (Endpoint::text()); nullopt for anything else.
std::optional<net::Endpoint> endpointOf(std::string_view text);

// `winner` first where it is among the addresses, else those of its family (RFC 8305 section 4:
// what is known from former connections). The order is kept otherwise.
std::vector<net::Endpoint> winnerFirst(std::vector<net::Endpoint> addresses,
                                       const std::optional<net::Endpoint>& winner);

// RFC 8305 section 4: the families of `addresses` take turns, beginning with the first one's; at
// most `limit` addresses.
std::vector<net::Endpoint> interleaveFamilies(const std::vector<net::Endpoint>& addresses,
                                              std::size_t limit);

}  // namespace efs::tls_tunnel
