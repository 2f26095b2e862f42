// Any bytes as /proc/net/nfsfs/servers or volumes: the parsers end, and a line put behind them is
// found.
#include <sys/sysmacros.h>

#include <cstdint>
#include <cstdlib>
#include <string>

#include "efs/mounts/mount_table.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string text(reinterpret_cast<const char*>(data), size);
  (void)efs::mounts::listsTunnelPort(text, 20049);
  text += "\nv4 7f000001 4e51   2 127.0.0.1\n";
  if (!efs::mounts::listsTunnelPort(text, 20049)) std::abort();
  // The bytes before may name the same device: the first one counts.
  text += "v4 7f000001 4e51 4095:1048575    0:0   no \n";
  if (!efs::mounts::tunnelPortOfDevice(text, makedev(4095, 1048575))) std::abort();
  if (!efs::mounts::listsDevice(text, makedev(4095, 1048575))) std::abort();
  return 0;
}
