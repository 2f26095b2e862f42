// Any bytes as ~/.aws/credentials: an error with a line number, or a file that can be asked.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "efs/aws/profile_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto file = efs::aws::ProfileFile::parse(text, "f");
  if (file) {
    (void)file->find("default", "aws_access_key_id");
    if (file->find("default", "x") != nullptr && !file->hasSection("default")) std::abort();
  } else if (!file.error().message().starts_with("f: line ")) {
    std::abort();
  }
  return 0;
}
