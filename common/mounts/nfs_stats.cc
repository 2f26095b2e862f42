#include "efs/mounts/nfs_stats.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <span>

#include "efs/base/files.h"
#include "efs/base/nfs_port.h"
#include "efs/base/text.h"

namespace efs::mounts {
namespace {

constexpr std::size_t kMaxText = 64U << 20U;  // about 5 KiB per mount

std::string_view takeLine(std::string_view& text) {
  const std::string_view line = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(line.size() + 1, text.size()));
  return trim(line);
}

// As the kernel writes blanks and their like in names: "\040".
std::string unescaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto digit = [&](std::size_t at) { return text[at] >= '0' && text[at] <= '7'; };
    const bool escape =
        text[i] == '\\' && i + 3 < text.size() && digit(i + 1) && digit(i + 2) && digit(i + 3);
    if (!escape) {
      out += text[i];
      continue;
    }
    out +=
        static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
    i += 3;
  }
  return out;
}

// "device SOURCE mounted on TARGET with fstype nfs4 statvers=1.1"
std::optional<NfsStats> deviceOf(std::string_view line) {
  constexpr std::string_view kOn = " mounted on ";
  constexpr std::string_view kType = " with fstype nfs";
  line.remove_prefix(std::string_view("device ").size());
  const auto type = line.rfind(kType);
  if (type == std::string_view::npos) return std::nullopt;
  const auto on = std::min(line.find(kOn), type);
  NfsStats stats;
  stats.source = unescaped(line.substr(0, on));
  if (on < type) stats.target = unescaped(line.substr(on + kOn.size(), type - on - kOn.size()));
  return stats;
}

// "opts:	rw,vers=4.1,...,port=20049,..."; nullopt for a value that is no port.
std::optional<int> portOf(std::string_view options) {
  constexpr std::string_view kKey = "port=";
  for (std::size_t at = 0; at < options.size();) {
    const std::size_t end = std::min(options.find(',', at), options.size());
    const std::string_view word = options.substr(at, end - at);
    at = end + 1;
    if (!word.starts_with(kKey)) continue;
    const auto port = parseInt(word.substr(kKey.size()));
    if (!port || *port < 1 || *port > 65535) return std::nullopt;
    return static_cast<int>(*port);
  }
  return kNfsPort;
}

// How many of the numbers at the beginning of `text` could be read into `fields`.
std::size_t readNumbers(std::string_view text, std::span<std::uint64_t> fields) {
  std::size_t count = 0;
  for (auto& field : fields) {
    text = trim(text);
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), field);
    if (code != std::errc()) break;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    ++count;
  }
  return count;
}

// "tcp <port> <binds> <connects> <connect time> <idle> <sends> <receives> ..."
void addTransport(NfsStats& stats, std::string_view text) {
  if (!text.starts_with("tcp ")) return;
  std::array<std::uint64_t, 7> fields{};
  if (readNumbers(text.substr(4), fields) != fields.size()) return;
  if (!stats.transport) stats.transport.emplace();
  stats.transport->connects += fields[2];
  stats.transport->sends += fields[5];
  stats.transport->receives += fields[6];
}

// "READ: <calls> <transmissions> <timeouts> <sent> <received> <queue> <rtt> <total> [<errors>]"
void addOperation(NfsStats& stats, std::string_view line) {
  const auto colon = line.find(':');
  if (colon == std::string_view::npos || colon == 0) return;
  std::array<std::uint64_t, 9> fields{};
  if (readNumbers(line.substr(colon + 1), fields) < 8 || fields[0] == 0) return;
  stats.operations.push_back({.name = std::string(line.substr(0, colon)),
                              .calls = fields[0],
                              .sent = fields[1],
                              .timeouts = fields[2],
                              .bytes_up = fields[3],
                              .bytes_down = fields[4],
                              .queue_ms = fields[5],
                              .round_ms = fields[6],
                              .total_ms = fields[7],
                              .errors = fields[8]});
}

}  // namespace

std::vector<NfsStats> parseNfsStats(std::string_view mountstats, NfsDetail detail) {
  std::vector<NfsStats> all;
  NfsStats* mount = nullptr;
  bool operations = false;
  while (!mountstats.empty()) {
    const std::string_view line = takeLine(mountstats);
    if (line.starts_with("device ")) {
      operations = false;
      auto stats = deviceOf(line);
      mount = stats ? &all.emplace_back(std::move(*stats)) : nullptr;
    } else if (mount == nullptr) {
      continue;
    } else if (line.starts_with("opts:")) {
      mount->port = portOf(trim(line.substr(5)));
    } else if (line.starts_with("xprt:")) {
      addTransport(*mount, trim(line.substr(5)));
    } else if (line.starts_with("per-op statistics")) {
      operations = detail == NfsDetail::kOperations;
    } else if (operations) {
      addOperation(*mount, line);
    }
  }
  return all;
}

Result<std::vector<NfsStats>> readNfsStats(const std::string& path, NfsDetail detail) {
  EFS_TRY(text, readFile(path, kMaxText));
  return parseNfsStats(text, detail);
}

}  // namespace efs::mounts
