#include "efs/base/nearest_word.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace efs {
namespace {

constexpr std::array<std::string_view, 5> kWords = {"az", "tls", "notls", "accesspoint", "verify"};

TEST(NearestWord, KnowsEachSlip) {
  EXPECT_EQ(nearestWord("accespoint", kWords), "accesspoint");    // a letter missing
  EXPECT_EQ(nearestWord("accesspooint", kWords), "accesspoint");  // one too many
  EXPECT_EQ(nearestWord("accesspoimt", kWords), "accesspoint");   // one wrong
  EXPECT_EQ(nearestWord("acecsspoint", kWords), "accesspoint");   // two exchanged
  EXPECT_EQ(nearestWord("tsl", kWords), "tls");
  EXPECT_EQ(nearestWord("acespint", kWords), "");  // three slips in eleven letters
}

TEST(NearestWord, TakesTheNearestOfSeveral) {
  EXPECT_EQ(nearestWord("notls", kWords), "notls");
  EXPECT_EQ(nearestWord("ntls", kWords), "tls");  // one slip from both: the first
}

TEST(NearestWord, SaysNothingWhenNothingIsNear) {
  EXPECT_EQ(nearestWord("ac", kWords), "");  // one letter from "az", but so is nearly everything
  EXPECT_EQ(nearestWord("soft", kWords), "");
  EXPECT_EQ(nearestWord("", kWords), "");
  EXPECT_EQ(nearestWord(std::string(100000, 't'), kWords), "");
  EXPECT_EQ(nearestWord("tls", {}), "");
}

}  // namespace
}  // namespace efs
