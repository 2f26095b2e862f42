// Any bytes as the command of a credential_process: an error, or words without more bytes than
// given.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "shell_words.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto words = efs::aws::splitShellWords(text);
  if (!words) return 0;
  std::size_t total = 0;
  for (const auto& word : *words) total += word.size();
  if (total > size || words->size() > size) std::abort();
  return 0;
}
