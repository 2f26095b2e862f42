// Any bytes as instance identity document: an error, or names that are safe in a host name.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "efs/aws/imds_documents.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto identity = efs::aws::parseInstanceIdentity(text);
  if (!identity) return 0;
  constexpr std::string_view kUnsafe = std::string_view("./:@%?# \r\n\0", 11);
  const bool safe = !identity->region.empty() &&
                    identity->region.find_first_of(kUnsafe) == std::string::npos &&
                    identity->availability_zone.find_first_of(kUnsafe) == std::string::npos &&
                    identity->instance_id.find_first_of(kUnsafe) == std::string::npos;
  if (!safe) std::abort();
  return 0;
}
