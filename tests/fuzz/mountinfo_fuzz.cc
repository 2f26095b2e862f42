// Any bytes as a mountinfo file: no crash, and every query on the table ends.
#include <sys/mman.h>

#include <cstdint>
#include <cstdlib>
#include <string>

#include "efs/base/files.h"
#include "efs/base/unique_fd.h"
#include "efs/mounts/mount_table.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // libmount reads files by name only.
  const efs::UniqueFd file(::memfd_create("mountinfo", MFD_CLOEXEC));
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (!efs::writeAll(file.get(), bytes, "memfd")) std::abort();
  const auto table =
      efs::mounts::MountTable::readFile("/proc/self/fd/" + std::to_string(file.get()));
  if (!table) return 0;
  if (table->entries().empty()) std::abort();
  for (const auto& entry : table->entries()) {
    const auto* top = table->atPath(entry.target);
    // Null: no lookup of its path reaches it.
    if (top != nullptr && top->target != entry.target) std::abort();
    const auto port = entry.tunnelPort();
    if (port && table->withTunnelPort(*port).empty()) std::abort();
  }
  return 0;
}
