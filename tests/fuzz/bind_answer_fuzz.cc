// Any bytes as the answer to the bind call, and as the beginning of a call to be routed.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "efs/tls_tunnel/upstream/bind_exchange.h"
#include "efs/tls_tunnel/upstream/call_route.h"

using efs::tls_tunnel::ScaleTerms;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto answer = efs::tls_tunnel::readBindAnswer(bytes, 0x01020304);
  if (answer) {
    const ScaleTerms& terms = answer->terms;
    if (terms.max_connections < 1 || terms.max_connections > ScaleTerms::kMostConnections ||
        terms.bytes_per_second == 0 || terms.exceeded < efs::Duration{1000})
      std::abort();
    const bool partition = answer->kind == efs::tls_tunnel::BindAnswer::Kind::kReady ||
                           answer->kind == efs::tls_tunnel::BindAnswer::Kind::kPreferred;
    if (answer->partition.size() != (partition ? 64U : 0U)) std::abort();
  }
  // What is known of a part stays true of the whole, but for the size of the reply.
  const auto whole = efs::tls_tunnel::routeOf(bytes, true);
  if (!whole) std::abort();
  for (const std::size_t part : {size / 4, size / 2, size}) {
    const auto early = efs::tls_tunnel::routeOf(bytes.substr(0, part), false);
    const bool beyond = part >= efs::tls_tunnel::kRouteBytes;
    if (early && !beyond && (early->free != whole->free || early->xid != whole->xid)) std::abort();
  }
  return 0;
}
