// Any bytes as /proc/net/nfsfs/servers: the parser ends, and a line put behind them is found.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "efs/mounts/mount_table.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string text(reinterpret_cast<const char*>(data), size);
  (void)efs::mounts::listsTunnelPort(text, 20049);
  text += "\nv4 7f000001 4e51   2 127.0.0.1\n";
  if (!efs::mounts::listsTunnelPort(text, 20049)) std::abort();
  return 0;
}
