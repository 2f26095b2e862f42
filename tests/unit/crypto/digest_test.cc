#include "efs/crypto/digest.h"

#include <gtest/gtest.h>

#include "efs/base/text.h"

namespace efs::crypto {
namespace {

// FIPS 180-4 examples.
TEST(Digest, GivesThePublishedValues) {
  EXPECT_EQ(hex(sha1("abc").value()), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(hex(sha256("abc").value()),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hex(sha256("").value()),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

// RFC 4231, test case 2.
TEST(Digest, HmacGivesThePublishedValue) {
  EXPECT_EQ(hex(hmacSha256("Jefe", "what do ya want for nothing?").value()),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

TEST(Digest, HmacAcceptsAnEmptyKey) {
  EXPECT_EQ(hex(hmacSha256("", "").value()),
            "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

}  // namespace
}  // namespace efs::crypto
