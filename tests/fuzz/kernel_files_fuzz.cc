// The kernel's text files: mountstats, locks, net/tcp. Mount options and paths in them are chosen
// by users.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "efs/procfs/socket_table.h"
#include "observe/lock_table.h"
#include "observe/mount_stats.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)efs::watchdog::MountStats::parse(text);
  (void)efs::watchdog::LockTable::parse(text);
  for (const int port : efs::procfs::unreadPorts(text)) {
    if (port < 0 || port > 65535) __builtin_trap();
  }
  return 0;
}
