#include "observe/mount_stats.h"

#include <array>
#include <charconv>
#include <optional>

#include "efs/base/files.h"
#include "efs/base/nfs_port.h"
#include "efs/base/text.h"

namespace efs::watchdog {
namespace {

constexpr std::size_t kMaxText = 64U << 20U;  // about 5 KiB per mount

std::string_view takeLine(std::string_view& text) {
  const std::string_view line = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(line.size() + 1, text.size()));
  return trim(line);
}

bool startsWith(std::string_view text, std::string_view start) {
  return text.substr(0, start.size()) == start;
}

// "opts:	rw,vers=4.1,...,port=20049,..."; nullopt for a value that is no port.
std::optional<int> portOf(std::string_view options) {
  constexpr std::string_view kKey = "port=";
  for (std::size_t at = 0; at < options.size();) {
    const std::size_t end = std::min(options.find(',', at), options.size());
    const std::string_view word = options.substr(at, end - at);
    at = end + 1;
    if (!startsWith(word, kKey)) continue;
    const auto port = parseInt(word.substr(kKey.size()));
    if (!port || *port < 1 || *port > 65535) return std::nullopt;
    return static_cast<int>(*port);
  }
  return kNfsPort;
}

// "tcp <port> <binds> <connects> <connect time> <idle> <sends> <receives> ..."
std::optional<TransportCounters> transportOf(std::string_view text) {
  if (!startsWith(text, "tcp ")) return std::nullopt;
  text.remove_prefix(4);
  std::array<std::uint64_t, 7> fields{};
  for (auto& field : fields) {
    text = trim(text);
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), field);
    if (code != std::errc()) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  }
  return TransportCounters{.connects = fields[2], .sends = fields[5], .receives = fields[6]};
}

}  // namespace

Result<MountStats> MountStats::read(const std::string& path) {
  EFS_TRY(text, readFile(path, kMaxText));
  return parse(text);
}

MountStats MountStats::parse(std::string_view text) {
  MountStats stats;
  bool ours = false;
  std::optional<int> port;
  while (!text.empty()) {
    const std::string_view line = takeLine(text);
    if (startsWith(line, "device ")) {
      ours = startsWith(line, "device 127.0.0.1:") &&
             line.find(" with fstype nfs") != std::string_view::npos;
      port.reset();
    } else if (ours && startsWith(line, "opts:")) {
      port = portOf(trim(line.substr(5)));
      // Bind mounts show the same superblock again: the last one stands for all.
      if (port) stats.by_port_.erase(*port);
    } else if (ours && port && startsWith(line, "xprt:")) {
      if (const auto counters = transportOf(trim(line.substr(5)))) {
        TransportCounters& sum = stats.by_port_[*port];
        sum.connects += counters->connects;
        sum.sends += counters->sends;
        sum.receives += counters->receives;
      }
    }
  }
  return stats;
}

}  // namespace efs::watchdog
