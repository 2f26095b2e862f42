// Any bytes as replies of DescribeMountTargets (JSON), DescribeAvailabilityZones (XML) and as an
// error reply: refused, or values that are safe in a URL, a configuration line and a log.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "api_call.h"
#include "efs/aws/mount_targets.h"

namespace {

void demand(bool fine) {
  if (!fine) std::abort();
}

bool isSafe(std::string_view value) {
  for (const char c : value) {
    if (c <= 0x20 || c >= 0x7F || c == '/' || c == '%' || c == '#') return false;
  }
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto page = efs::aws::parseMountTargets(text)) {
    for (const auto& target : page->targets) {
      demand(isSafe(target.id) && isSafe(target.zone_name) && isSafe(target.zone_id) &&
             isSafe(target.state) && isSafe(target.address) && isSafe(target.address_v6));
      demand(!target.available() || !target.bestAddress().empty());
    }
  }
  if (const auto zone = efs::aws::parseZoneId(text, "us-east-1a")) {
    demand(!zone->empty() && isSafe(*zone));
  }
  for (const char c : efs::aws::serviceMessage(text)) demand(static_cast<unsigned char>(c) >= 0x20);
  return 0;
}
