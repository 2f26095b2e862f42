// Any bytes as the watchdog's status: what is accepted can be sent on and is read back the same.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "efs/tunnel_control/watchdog_status.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using efs::tunnel_control::WatchdogStatus;
  const auto status =
      WatchdogStatus::decode(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!status) return 0;
  const std::string text = status->encode();
  const auto again = WatchdogStatus::decode(text);
  if (!again || again->encode() != text) std::abort();
  return 0;
}
