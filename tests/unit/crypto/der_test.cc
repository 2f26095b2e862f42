#include "efs/crypto/der.h"

#include <gtest/gtest.h>

#include "efs/base/text.h"

namespace efs::crypto::der {
namespace {

TEST(Der, WritesShortAndLongLengths) {
  EXPECT_EQ(hex(utf8String("abc")), "0c03616263");
  EXPECT_EQ(hex(utf8String("")), "0c00");
  EXPECT_EQ(hex(octetString(std::string(127, 'a')).substr(0, 2)), "047f");
  EXPECT_EQ(hex(octetString(std::string(128, 'a')).substr(0, 3)), "048180");
  EXPECT_EQ(hex(octetString(std::string(256, 'a')).substr(0, 4)), "04820100");
  EXPECT_EQ(hex(octetString(std::string(65536, 'a')).substr(0, 5)), "0483010000");
}

TEST(Der, WritesUtcTimeOfTheLastSecondOfAYear) {
  const auto time = std::chrono::system_clock::from_time_t(1798761599);  // 2026-12-31T23:59:59Z
  EXPECT_EQ(utcTime(time), std::string("\x17\x0d") + "261231235959Z");
}

TEST(Der, NestsElements) {
  EXPECT_EQ(hex(sequence(utf8String("a") + octetString("b"))), "30060c0161040162");
  EXPECT_EQ(hex(explicitTag(0, utf8String("a"))), "a0030c0161");
}

}  // namespace
}  // namespace efs::crypto::der
