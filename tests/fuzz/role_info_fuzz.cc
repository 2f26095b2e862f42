// Any bytes as meta-data/iam/info: nothing, or an ARN that can stand in a log.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "efs/aws/imds_documents.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::string arn = efs::aws::assumedRoleArn(text, "web");
  if (arn.empty()) return 0;
  if (!arn.starts_with("arn:") || !arn.ends_with(":assumed-role/web")) std::abort();
  for (const char c : arn) {
    if (c <= 0x20 || c >= 0x7F) std::abort();
  }
  return 0;
}
