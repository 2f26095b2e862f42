// Rows of /proc/net/tcp: what is understood is within its ranges by type, so parsing must not
// crash.
#include <cstdint>
#include <string_view>

#include "efs/procfs/tcp_table.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  (void)efs::procfs::parseTcpRow({reinterpret_cast<const char*>(data), size});
  return 0;
}
