// Any bytes as the messages of a file system context: what comes out is one short, printable line.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "efs/mounts/detached_mount.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<std::string> lines(1);
  for (std::size_t i = 0; i < size; ++i) {
    if (data[i] == 0) {
      lines.emplace_back();
    } else {
      lines.back() += static_cast<char>(data[i]);
    }
  }
  const std::string words = efs::mounts::kernelWords(lines);
  if (words.size() > 303 || words.find('\n') != std::string::npos) std::abort();
  return 0;
}
