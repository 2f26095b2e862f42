// The answer of sock_diag(7) decides who may use a tunnel.
#include <cstdint>
#include <string_view>

#include "efs/net/socket_owner.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto client = efs::net::Endpoint::fromLiteral("127.0.0.1", 1023);
  const auto listener = efs::net::Endpoint::fromLiteral("127.0.0.1", 20049);
  (void)efs::net::parseSockDiagReply({reinterpret_cast<const char*>(data), size}, 9, *client,
                                     *listener);
  return 0;
}
