// Any bytes as credentials of the instance role: an error, or values that are safe in a header.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "efs/aws/imds_documents.h"

namespace {

void demandSafe(std::string_view value) {
  if (value.empty()) std::abort();
  for (const char c : value) {
    if (c <= 0x20 || c >= 0x7F) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto credentials = efs::aws::parseRoleCredentials(text);
  if (!credentials) return 0;
  demandSafe(credentials->access_key_id);
  demandSafe(credentials->secret_access_key.reveal());
  demandSafe(credentials->session_token.value().reveal());
  return 0;
}
