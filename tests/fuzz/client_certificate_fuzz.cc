// The judge of client certificates: no DER may break it, and what it accepts keeps its promises.
#include <cstdint>
#include <cstdlib>

#include "certificate_check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto claim =
      efs::simulator::parseClientCertificate({reinterpret_cast<const char*>(data), size});
  if (claim) {
    if (claim->common_name.empty() || claim->common_name.size() > 64) std::abort();
    if (claim->file_system_id.empty() || claim->public_key_sha1.size() != 40) std::abort();
  } else if (claim.error().field.empty() || claim.error().reason.empty()) {
    std::abort();
  }
  return 0;
}
