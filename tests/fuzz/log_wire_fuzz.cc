// Any bytes as a datagram between a program and the log writer: what is accepted is encoded as the
// same bytes again.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "efs/base/log_wire.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto line = efs::log::LineMessage::decode(bytes);
  if (line && line->encode() != bytes) std::abort();
  const auto ack = efs::log::LineAck::decode(bytes);
  if (ack && ack->encode() != bytes) std::abort();
  return 0;
}
