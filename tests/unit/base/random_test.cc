#include "efs/base/random.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <numeric>
#include <random>
#include <set>

namespace efs {
namespace {

TEST(RandomSource, NumbersDiffer) {
  RandomSource random;
  std::set<RandomSource::result_type> seen;
  for (int i = 0; i < 64; ++i) seen.insert(random());
  EXPECT_GT(seen.size(), 60U);  // one pair alike in 2 million runs
}

TEST(RandomSource, ServesTheStandardLibrary) {
  RandomSource random;
  std::array<int, 64> cards{};
  std::iota(cards.begin(), cards.end(), 0);
  auto mixed = cards;
  std::shuffle(mixed.begin(), mixed.end(), random);
  EXPECT_NE(mixed, cards);
  EXPECT_TRUE(std::is_permutation(mixed.begin(), mixed.end(), cards.begin()));
  const int drawn = std::uniform_int_distribution<>(3, 5)(random);
  EXPECT_TRUE(drawn >= 3 && drawn <= 5);
}

TEST(RandomBytes, AreAsManyAsWantedAndDiffer) {
  EXPECT_EQ(randomBytes(0), "");
  // More than the kernel promises to give at once.
  const auto first = randomBytes(1000);
  EXPECT_EQ(first.size(), 1000U);
  EXPECT_NE(first, randomBytes(1000));
  EXPECT_NE(first.substr(900), std::string(100, '\0'));
}

}  // namespace
}  // namespace efs
