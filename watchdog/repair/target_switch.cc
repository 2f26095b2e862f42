#include "repair/target_switch.h"

#include <algorithm>
#include <vector>

#include "efs/base/text.h"

namespace efs::watchdog {
namespace {

constexpr std::string_view kConnect = "connect";
constexpr std::string_view kHome = "connect_home";

// "key = value" -> value, if the line has this key.
std::optional<std::string_view> valueOf(std::string_view line, std::string_view key) {
  const std::size_t equals = line.find('=');
  if (equals == std::string_view::npos || trim(line.substr(0, equals)) != key) return std::nullopt;
  return trim(line.substr(equals + 1));
}

bool isHost(std::string_view host) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == ':' || c == '_';
  };
  return !host.empty() && host.size() <= 255 && std::all_of(host.begin(), host.end(), allowed);
}

std::string line(std::string_view key, std::string_view value) {
  return std::string(key) + " = " + std::string(value);
}

// Lines of the file, with the index of each key's line.
struct Lines {
  std::vector<std::string> all;
  std::optional<std::size_t> connect, home;

  explicit Lines(std::string_view config) : all(split(config, '\n')) {
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (valueOf(all[i], kConnect)) connect = i;
      if (valueOf(all[i], kHome)) home = i;
    }
  }
};

}  // namespace

std::optional<std::string> homeTarget(std::string_view config) {
  const Lines lines(config);
  if (!lines.home) return std::nullopt;
  return std::string(*valueOf(lines.all[*lines.home], kHome));
}

Result<std::string> moveTo(std::string_view config, std::string_view host) {
  Lines lines(config);
  if (!lines.connect) return Error(ErrorKind::kInvalidInput, "no key \"connect\"");
  if (!isHost(host)) return Error(ErrorKind::kInvalidInput, "no host: " + printable(host));
  const std::string old(*valueOf(lines.all[*lines.connect], kConnect));
  const std::size_t colon = old.rfind(':');
  if (colon == std::string::npos) {
    return Error(ErrorKind::kInvalidInput, "no port in \"connect\": " + printable(old));
  }
  lines.all[*lines.connect] = line(kConnect, std::string(host) + old.substr(colon));
  // Only the first move writes it: after a second one home is still the mount's own target.
  if (!lines.home) {
    const auto after = lines.all.begin() + static_cast<std::ptrdiff_t>(*lines.connect) + 1;
    lines.all.insert(after, line(kHome, old));
  }
  return join(lines.all, "\n");
}

Result<std::string> moveHome(std::string_view config) {
  Lines lines(config);
  if (!lines.home || !lines.connect) {
    return Error(ErrorKind::kNotFound, "the mount uses its own target");
  }
  lines.all[*lines.connect] = line(kConnect, *valueOf(lines.all[*lines.home], kHome));
  lines.all.erase(lines.all.begin() + static_cast<std::ptrdiff_t>(*lines.home));
  return join(lines.all, "\n");
}

}  // namespace efs::watchdog
