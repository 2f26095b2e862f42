// Any bytes as a status line: what is accepted is encoded as one line and decoded as the same.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "efs/tunnel_control/tunnel_status.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using efs::tunnel_control::TunnelStatus;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto first = TunnelStatus::decode(text);
  if (!first) return 0;
  const std::string line = first->encode();
  if (line.find('\n') != line.size() - 1) std::abort();
  const auto second = TunnelStatus::decode(std::string_view(line).substr(0, line.size() - 1));
  if (!second || second->encode() != line) std::abort();
  return 0;
}
