// The tunnel's command line: one argument per line. Whatever it is, the answer is a run with a
// configuration file, help, version, or an error of one line.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "efs/base/text.h"
#include "efs/tls_tunnel/command_line.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto line = efs::tls_tunnel::parseTunnelArguments(efs::split(text, '\n'));
  if (!line) {
    if (line.error().message().find('\n') != std::string::npos) std::abort();
    return 0;
  }
  const bool runs = line->action == efs::tls_tunnel::TunnelArguments::Action::kRun;
  if (runs && line->config_path.empty()) std::abort();
  (void)efs::tls_tunnel::mountNameOf(line->config_path);
  return 0;
}
