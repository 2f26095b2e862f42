// Any text as device of mount.efs, and as the canonical name of an alias.
#include <cstdint>
#include <string>

#include "request/device.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using efs::mount_helper::parseDevice;
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto device = parseDevice(text);
  if (!device) {
    if (device.error().message().empty()) __builtin_trap();
    return 0;
  }
  const int told = (device->fs_id.empty() ? 0 : 1) + (device->own_name ? 1 : 0) +
                   (device->address ? 1 : 0) + (device->access_point ? 1 : 0);
  if (told != 1 || device->path.front() != '/') __builtin_trap();
  const auto name = device->dns_name.value_or("") + device->fs_id + device->address.value_or("");
  for (const char c : name) {
    if (c <= 0x20 || c >= 0x7F || c == '/') __builtin_trap();
  }
  const auto known = efs::mount_helper::withCanonicalName(*device, text);
  if (known && known->fs_id.empty()) __builtin_trap();
  return 0;
}
