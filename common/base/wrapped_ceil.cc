// ceil(3) for programs with EFS_STATIC_RUNTIME (cmake/Toolchain.cmake): fmt needs it in a corner of
// its formatting of floating point, and nothing else needs libm, which costs each program 340 KiB.
#include <cmath>
#include <cstdint>

// NOLINTBEGIN(bugprone-reserved-identifier): the name that ld's --wrap asks for
extern "C" double __wrap_ceil(double value);

double __wrap_ceil(double value) {
  constexpr double kOnlyWholeNumbers = 4503599627370496.0;                       // 2^52
  if (!(value > -kOnlyWholeNumbers && value < kOnlyWholeNumbers)) return value;  // also NaN
  const auto whole = static_cast<double>(static_cast<std::int64_t>(value));
  return whole < value ? whole + 1 : whole;
}
// NOLINTEND(bugprone-reserved-identifier)
