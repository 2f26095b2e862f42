// Any bytes as hosts(5): the parser ends, and a line put behind them is found, in any case.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "efs/net/hosts_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string text(reinterpret_cast<const char*>(data), size);
  (void)efs::net::hostsFileNames(text, "fs-0123456789abcdef0.efs.eu-west-1.amazonaws.com");
  if (efs::net::hostsFileNames("# " + text.substr(0, text.find('\n')), "localhost")) std::abort();
  text += "\n10.0.0.1\tone Two # three\n";
  if (!efs::net::hostsFileNames(text, "tWo")) std::abort();
  return 0;
}
