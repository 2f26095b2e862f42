// Any bytes as fstab(5): each line that is taken has all its parts and its number, and one put
// behind them is found.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "doctor/fstab.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string text(reinterpret_cast<const char*>(data), size);
  text += "\nfs-01234567:/ /mnt/a\\040b efs defaults,_netdev,tls 0 0\n";
  const auto lines = efs::efsctl::efsLines(text);
  int before = 0;
  for (const auto& line : lines) {
    if (line.number <= before || line.device.empty() || line.mountpoint.empty()) std::abort();
    if (line.has("defaults") || efs::efsctl::adviceFor(line).size() > 2) std::abort();
    before = line.number;
  }
  const auto& last = lines.back();
  if (last.mountpoint != "/mnt/a b" || last.options != "_netdev,tls") std::abort();
  return 0;
}
