// Any bytes as a state file, and as a mount name: what is accepted can be written and is then read
// as the same.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "efs/state/mount_state.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using efs::state::MountState;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto name = efs::state::parseMountName(text);
  if (name && name->safe_mountpoint.find('/') != std::string::npos) std::abort();
  (void)efs::state::parseCertificateTime(text);
  const auto first = MountState::parse(text, "fuzz");
  if (!first) return 0;
  const std::string written = first->serialize();
  const auto second = MountState::parse(written, "fuzz");
  if (!second || second->serialize() != written) std::abort();
  return 0;
}
