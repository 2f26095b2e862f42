// /proc/locks: which processes hold a flock(2).
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "efs/base/lost_lock.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  for (const pid_t pid :
       efs::flockHolders(std::string_view(reinterpret_cast<const char*>(data), size))) {
    if (pid <= 0) __builtin_trap();
  }
  return 0;
}
