// A tunnel's configuration can always be moved again and back once it was moved.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "repair/target_switch.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace wd = efs::watchdog;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)wd::homeTarget(text);
  (void)wd::moveHome(text);
  const auto moved = wd::moveTo(text, "10.0.0.1");
  if (!moved) return 0;
  if (!wd::homeTarget(*moved)) __builtin_trap();
  const auto again = wd::moveTo(*moved, "10.0.0.2");
  if (!again || wd::homeTarget(*again) != wd::homeTarget(*moved)) __builtin_trap();
  if (!wd::moveHome(*again)) __builtin_trap();
  return 0;
}
