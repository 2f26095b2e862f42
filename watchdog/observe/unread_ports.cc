#include "observe/unread_ports.h"

#include <arpa/inet.h>

#include <charconv>
#include <cstdint>
#include <optional>

namespace efs::watchdog {
namespace {

constexpr unsigned kEstablished = 1;  // include/net/tcp_states.h
constexpr unsigned kListen = 10;

// Hexadecimal numbers between blanks and colons.
class HexFields {
 public:
  explicit HexFields(std::string_view text) : rest_(text) {}
  std::optional<std::uint32_t> next() {
    rest_.remove_prefix(std::min(rest_.find_first_not_of(" :"), rest_.size()));
    std::uint32_t value = 0;
    const auto [end, code] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value, 16);
    if (code != std::errc()) return std::nullopt;
    rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
    return value;
  }

 private:
  std::string_view rest_;
};

// "  0: 0100007F:4E51 0100007F:D3F2 01 00000000:00000010 ..."
std::optional<int> unreadPort(std::string_view line) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  HexFields fields(line.substr(colon + 1));
  const auto ip = fields.next();
  const auto port = fields.next();
  const auto remote_ip = fields.next();
  const auto remote_port = fields.next();
  const auto state = fields.next();
  const auto sending = fields.next();
  const auto unread = fields.next();
  if (!ip || !port || !remote_ip || !remote_port || !state || !sending || !unread) {
    return std::nullopt;
  }
  const bool serves = *state == kEstablished || *state == kListen;
  if (!serves || *unread == 0 || *ip != htonl(INADDR_LOOPBACK) || *port > 65535) {
    return std::nullopt;
  }
  return static_cast<int>(*port);
}

}  // namespace

std::set<int> unreadPorts(std::string_view proc_net_tcp) {
  std::set<int> ports;
  while (!proc_net_tcp.empty()) {
    const std::string_view line = proc_net_tcp.substr(0, proc_net_tcp.find('\n'));
    proc_net_tcp.remove_prefix(std::min(line.size() + 1, proc_net_tcp.size()));
    if (const auto port = unreadPort(line)) ports.insert(*port);
  }
  return ports;
}

}  // namespace efs::watchdog
