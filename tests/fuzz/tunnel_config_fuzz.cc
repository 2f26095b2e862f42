// Any bytes as a tunnel's configuration: what is accepted can be written and is read as the same.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "efs/tunnel_control/tunnel_config.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using efs::tunnel_control::TunnelConfig;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto first = TunnelConfig::parse(text, "fuzz");
  if (!first) return 0;
  if (first->accept_port < 1 || first->accept_port > 65535) std::abort();
  const std::string written = first->serialize(true);
  const auto second = TunnelConfig::parse(written, "fuzz");
  if (!second || second->serialize(true) != written) std::abort();
  return 0;
}
