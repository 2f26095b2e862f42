// IP addresses and endpoints as values.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace efs::net {

class Endpoint {
 public:
  Endpoint() = default;
  // IPv4 or IPv6 literal without brackets; nullopt for anything else.
  static std::optional<Endpoint> fromLiteral(std::string_view ip, std::uint16_t port);
  static std::optional<Endpoint> fromSockaddr(const sockaddr* address, socklen_t length);

  int family() const { return storage_.ss_family; }
  bool isIpv6() const { return family() == AF_INET6; }
  std::uint16_t port() const;
  std::string ip() const;    // without brackets
  std::string text() const;  // "10.0.0.1:2049", "[fd00::1]:2049"
  const sockaddr* address() const { return reinterpret_cast<const sockaddr*>(&storage_); }
  socklen_t length() const;

 private:
  sockaddr_storage storage_{};
};

// True for what inet_pton accepts as IPv4 or IPv6.
bool isIpLiteral(std::string_view text);

}  // namespace efs::net
