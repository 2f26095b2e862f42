// Any bytes as a mount table: no crash, and what is found is at the path that was asked for.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "efs/base/mounted_at.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view table(reinterpret_cast<const char*>(data), size);
  for (const char* path : {"/", "/run/efs/a b", "/mnt"}) {
    const auto found = efs::mountedAt(table, path);
    if (found && found->where != path) std::abort();
  }
  return 0;
}
