// /proc/net/tcp comes from the kernel, but the tunnel that lives or dies by it deserves no
// surprise.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "efs/procfs/socket_table.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto table =
      efs::procfs::SocketTable::parse(std::string_view(reinterpret_cast<const char*>(data), size));
  (void)table.listeners(20049);
  (void)table.hasClient(20049);
  return 0;
}
