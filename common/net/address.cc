#include "efs/net/address.h"

#include <arpa/inet.h>

#include <array>
#include <cstring>

namespace efs::net {
namespace {

// The kernel's socket calls and sockaddr_storage force these casts; nothing else in the house has
// them.
const sockaddr_in& asV4(const sockaddr_storage& storage) {
  return reinterpret_cast<const sockaddr_in&>(storage);
}
const sockaddr_in6& asV6(const sockaddr_storage& storage) {
  return reinterpret_cast<const sockaddr_in6&>(storage);
}

// inet_pton() wants a terminated string, and the longest literal has 45 characters.
bool parseLiteral(std::string_view text, int family, void* out) {
  std::array<char, INET6_ADDRSTRLEN> buffer{};
  if (text.empty() || text.size() >= buffer.size()) return false;
  if (text.find('\0') != std::string_view::npos) return false;
  text.copy(buffer.data(), text.size());
  return ::inet_pton(family, buffer.data(), out) == 1;
}

}  // namespace

std::optional<Endpoint> Endpoint::fromLiteral(std::string_view ip, std::uint16_t port) {
  sockaddr_in v4{};
  if (parseLiteral(ip, AF_INET, &v4.sin_addr)) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    return fromSockaddr(reinterpret_cast<const sockaddr*>(&v4), sizeof v4);
  }
  sockaddr_in6 v6{};
  if (parseLiteral(ip, AF_INET6, &v6.sin6_addr)) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    return fromSockaddr(reinterpret_cast<const sockaddr*>(&v6), sizeof v6);
  }
  return std::nullopt;
}

std::optional<Endpoint> Endpoint::fromSockaddr(const sockaddr* address, socklen_t length) {
  if (address == nullptr || length < sizeof(sa_family_t)) return std::nullopt;
  socklen_t wanted = 0;
  if (address->sa_family == AF_INET) wanted = sizeof(sockaddr_in);
  if (address->sa_family == AF_INET6) wanted = sizeof(sockaddr_in6);
  if (wanted == 0 || length < wanted) return std::nullopt;
  Endpoint endpoint;
  std::memcpy(&endpoint.storage_, address, wanted);
  return endpoint;
}

std::uint16_t Endpoint::port() const {
  if (family() == AF_INET) return ntohs(asV4(storage_).sin_port);
  if (family() == AF_INET6) return ntohs(asV6(storage_).sin6_port);
  return 0;
}

std::string Endpoint::ip() const {
  std::array<char, INET6_ADDRSTRLEN> buffer{};
  const void* bytes = nullptr;
  if (family() == AF_INET) bytes = &asV4(storage_).sin_addr;
  if (family() == AF_INET6) bytes = &asV6(storage_).sin6_addr;
  if (bytes == nullptr) return {};
  return ::inet_ntop(family(), bytes, buffer.data(), buffer.size());
}

std::string Endpoint::text() const {
  const std::string host = isIpv6() ? "[" + ip() + "]" : ip();
  return host + ":" + std::to_string(port());
}

socklen_t Endpoint::length() const {
  if (family() == AF_INET) return sizeof(sockaddr_in);
  if (family() == AF_INET6) return sizeof(sockaddr_in6);
  return 0;
}

bool isIpLiteral(std::string_view text) { return Endpoint::fromLiteral(text, 0).has_value(); }

}  // namespace efs::net
