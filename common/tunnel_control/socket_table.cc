#include "efs/tunnel_control/socket_table.h"

#include <arpa/inet.h>

#include <charconv>
#include <cstdint>
#include <optional>

#include "efs/base/files.h"

namespace efs::tunnel_control {
namespace {

// 150 bytes per socket: more than 400000 sockets, then the answer is "unknown".
constexpr std::size_t kMaxTable = 64U << 20U;
constexpr unsigned kEstablished = 1;  // include/net/tcp_states.h
constexpr unsigned kSynSent = 2;
constexpr unsigned kListen = 10;

// Walks the blank-separated fields of one line.
class Fields {
 public:
  explicit Fields(std::string_view line) : rest_(line) {}
  std::string_view next() {
    rest_.remove_prefix(std::min(rest_.find_first_not_of(' '), rest_.size()));
    const std::string_view field = rest_.substr(0, rest_.find(' '));
    rest_.remove_prefix(field.size());
    return field;
  }
  void skip(int count) {
    while (count-- > 0) next();
  }

 private:
  std::string_view rest_;
};

template <typename T>
std::optional<T> number(std::string_view text, int base) {
  T value{};
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (code != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

struct Address {
  std::uint32_t ip;  // network order, as the kernel prints it
  int port;
};
std::optional<Address> address(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon != 8) return std::nullopt;
  const auto ip = number<std::uint32_t>(text.substr(0, colon), 16);
  const auto port = number<std::uint16_t>(text.substr(colon + 1), 16);
  if (!ip || !port) return std::nullopt;
  return Address{*ip, *port};
}

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
    Fields fields(line);
    fields.skip(1);  // sl
    const auto local = address(fields.next());
    const auto remote = address(fields.next());
    const auto state = number<unsigned>(fields.next(), 16);
    if (!local || !remote || !state) continue;
    if ((*state == kEstablished || *state == kSynSent) && remote->ip == loopback) {
      table.client_ports_.insert(remote->port);
    }
    if (*state != kListen || (local->ip != loopback && local->ip != INADDR_ANY)) continue;
    fields.skip(5);  // queues, timer, retransmissions, uid, timeout
    if (const auto inode = number<ino_t>(fields.next(), 10)) {
      table.listeners_.emplace(local->port, *inode);
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
