// Any bytes as a message of the watchdog's socket, in both directions.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "efs/tunnel_control/watchdog_link.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using efs::tunnel_control::kMaxMessage;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto request = efs::tunnel_control::WatchdogRequest::decode(text);
  if (request && !efs::tunnel_control::WatchdogRequest::decode(request->encode())) std::abort();
  const auto reply = efs::tunnel_control::WatchdogReply::decode(text);
  if (reply && reply->encode().size() > kMaxMessage) std::abort();
  return 0;
}
