// Any bytes as the journal of a changed client identifier: the parser ends, and what it took comes
// back from its own text.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "efs/mounts/identifier_journal.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using efs::mounts::IdentifierChange;
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto change = IdentifierChange::parse(text);
  if (!change) return 0;
  const auto again = IdentifierChange::parse(change->serialize());
  if (!again || again->former != change->former || again->boot != change->boot) std::abort();
  return 0;
}
