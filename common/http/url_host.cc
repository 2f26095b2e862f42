#include "efs/http/url_host.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>

#include "efs/base/text.h"

namespace efs::http {
namespace {

// nullopt for an escape that is none and for a character that no host has.
std::optional<std::string> unescaped(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned char byte = static_cast<unsigned char>(text[i]);
    if (byte == '%') {
      const auto digits = text.substr(i + 1, 2);
      const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), byte, 16);
      if (digits.size() != 2 || parsed.ec != std::errc() ||
          parsed.ptr != digits.data() + digits.size()) {
        return std::nullopt;
      }
      i += 2;
    }
    if (byte <= ' ' || byte == 0x7F) return std::nullopt;
    result += static_cast<char>(byte);
  }
  return result;
}

// "[fe80::1%25eth0]:80": what stands in the brackets, without the zone.
std::string_view insideBrackets(std::string_view authority) {
  authority = authority.substr(1, authority.find(']') - 1);
  return authority.substr(0, authority.find('%'));
}

std::optional<std::uint32_t> v4Of(const std::string& host) {
  in_addr address{};
  if (host.empty() || ::inet_aton(host.c_str(), &address) == 0) return std::nullopt;
  return ntohl(address.s_addr);
}

bool isLocalV4(std::uint32_t address) {
  const std::uint32_t net = address >> 24U;
  return net == 127 || net == 0 || address >> 16U == 0xA9FE;
}

std::optional<in6_addr> v6Of(const std::string& host) {
  in6_addr address{};
  if (::inet_pton(AF_INET6, host.c_str(), &address) != 1) return std::nullopt;
  return address;
}

std::uint32_t lastWord(const in6_addr& address) {
  const auto* byte = &address.s6_addr[12];
  return static_cast<std::uint32_t>(byte[0]) << 24U | static_cast<std::uint32_t>(byte[1]) << 16U |
         static_cast<std::uint32_t>(byte[2]) << 8U | byte[3];
}

bool isLocalV6(const in6_addr& address) {
  constexpr std::array<std::uint8_t, 4> kInstanceNet{0xFD, 0x00, 0x0E, 0xC2};
  if (IN6_IS_ADDR_LOOPBACK(&address) || IN6_IS_ADDR_UNSPECIFIED(&address)) return true;
  if (IN6_IS_ADDR_LINKLOCAL(&address)) return true;
  const bool holds_v4 = IN6_IS_ADDR_V4MAPPED(&address) || IN6_IS_ADDR_V4COMPAT(&address);
  if (holds_v4 && isLocalV4(lastWord(address))) return true;
  return std::equal(kInstanceNet.begin(), kInstanceNet.end(), &address.s6_addr[0]);
}

}  // namespace

std::optional<std::string> urlHost(std::string_view url) {
  const auto scheme = url.find("://");
  if (scheme == std::string_view::npos) return std::nullopt;
  url.remove_prefix(scheme + 3);
  std::string_view authority = url.substr(0, url.find_first_of("/?#"));
  const auto at = authority.rfind('@');
  if (at != std::string_view::npos) authority.remove_prefix(at + 1);
  if (authority.starts_with('[')) {
    if (authority.find(']') == std::string_view::npos) return std::nullopt;
    return toLower(insideBrackets(authority));
  }
  auto host = unescaped(authority.substr(0, authority.find(':')));
  while (host && host->ends_with('.')) host->pop_back();
  if (!host || host->empty()) return std::nullopt;
  return toLower(*host);
}

bool isOnThisHost(const std::string& host) {
  if (host == "localhost" || host.ends_with(".localhost")) return true;
  if (const auto address = v4Of(host)) return isLocalV4(*address);
  const auto address = v6Of(host);
  return address && isLocalV6(*address);
}

bool isLoopbackAddress(const std::string& host) {
  in_addr address{};
  if (::inet_pton(AF_INET, host.c_str(), &address) == 1) {
    return ntohl(address.s_addr) >> 24U == 127;
  }
  const auto six = v6Of(host);
  return six && IN6_IS_ADDR_LOOPBACK(&*six);
}

}  // namespace efs::http
