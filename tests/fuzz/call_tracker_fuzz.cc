// What passes through the tunnel is followed byte by byte: the first byte of the input tells in
// what pieces, its lowest bit from which side it comes first.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>

#include "efs/tls_tunnel/call_tracker.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t piece = 1 + data[0] / 2U;
  bool from_client = (data[0] & 1U) != 0;
  const auto calls = std::make_unique<efs::tls_tunnel::CallTracker>();
  std::span<const std::byte> left(reinterpret_cast<const std::byte*>(data) + 1, size - 1);
  while (!left.empty()) {
    const auto part = left.first(std::min(piece, left.size()));
    calls->setNow(left.size());
    from_client ? calls->fromClient(part) : calls->fromServer(part);
    from_client = !from_client;
    left = left.subspan(part.size());
    if ((calls->outstanding() == 0) != (calls->oldest() == 0)) std::abort();
    if (calls->outstanding() > calls->calls()) std::abort();
  }
  return 0;
}
