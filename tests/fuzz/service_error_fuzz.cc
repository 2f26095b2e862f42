// Any bytes as an error answer: one short printable line.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "credential_values_check.h"
#include "efs/aws/credential_documents.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::string line = efs::aws::serviceErrorText(text);
  if (line.size() > 400) std::abort();
  for (const char c : line) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) std::abort();
  }
  return 0;
}
