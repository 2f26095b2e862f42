// Any bytes as an answer of STS, XML or JSON.
#include <cstdint>
#include <string_view>

#include "credential_values_check.h"
#include "efs/aws/credential_documents.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  efs::fuzz::demandUsable(efs::aws::parseStsCredentials(text), true);
  (void)efs::aws::parseCallerIdentity(text);
  return 0;
}
