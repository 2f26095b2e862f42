// Any bytes as ~/.aws/credentials: a file that can be asked, its mistakes with their lines.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "efs/aws/profile_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto file = efs::aws::ProfileFile::parse(text, "f");
  (void)file.find("default", "aws_access_key_id");
  if (file.find("default", "x") != nullptr && !file.hasSection("default")) std::abort();
  for (const auto& problem : file.problems()) {
    if (!problem.starts_with("f: line ")) std::abort();
  }
  const auto* problem = file.problemOf("default");
  if (problem != nullptr && !problem->starts_with("f: line ")) std::abort();
  return 0;
}
