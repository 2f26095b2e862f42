#include "efs/procfs/tcp_table.h"

#include <algorithm>
#include <charconv>

namespace efs::procfs {
namespace {

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

std::optional<TcpRow::End> address(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon != 8) return std::nullopt;
  // The kernel prints the word as it lies in memory, so no byte is swapped.
  const auto ip = number<std::uint32_t>(text.substr(0, colon), 16);
  const auto port = number<std::uint16_t>(text.substr(colon + 1), 16);
  if (!ip || !port) return std::nullopt;
  return TcpRow::End{*ip, *port};
}

// "tx_queue:rx_queue"
std::uint32_t received(std::string_view queues) {
  const std::size_t colon = std::min(queues.find(':'), queues.size() - 1);
  return queues.empty() ? 0 : number<std::uint32_t>(queues.substr(colon + 1), 16).value_or(0);
}

}  // namespace

std::optional<TcpRow> parseTcpRow(std::string_view line) {
  Fields fields(line);
  fields.skip(1);  // sl
  const auto local = address(fields.next());
  const auto remote = address(fields.next());
  const auto state = number<unsigned>(fields.next(), 16);
  const std::uint32_t waiting = received(fields.next());
  fields.skip(2);  // timer, retransmissions
  const auto uid = number<std::uint32_t>(fields.next(), 10);
  fields.skip(1);  // timeout
  const auto inode = number<std::uint64_t>(fields.next(), 10);
  if (!local || !remote || !state || !uid || !inode) return std::nullopt;
  return TcpRow{*local, *remote, *state, *uid, *inode, waiting};
}

}  // namespace efs::procfs
