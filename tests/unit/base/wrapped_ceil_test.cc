#include <gtest/gtest.h>

#include <cmath>
#include <limits>

extern "C" double __wrap_ceil(double value);  // NOLINT(bugprone-reserved-identifier): ld's name

namespace efs {
namespace {

TEST(WrappedCeil, GivesWhatLibmGives) {
  for (const double value :
       {0.0, 0.5, -0.5, 1.0, 1.0000000001, -1.5, -2.0, 4503599627370495.5, 4503599627370497.0,
        -4503599627370495.5, 1e300, -1e300, std::numeric_limits<double>::infinity()}) {
    EXPECT_EQ(__wrap_ceil(value), std::ceil(value)) << value;
  }
  EXPECT_TRUE(std::isnan(__wrap_ceil(std::numeric_limits<double>::quiet_NaN())));
}

}  // namespace
}  // namespace efs
