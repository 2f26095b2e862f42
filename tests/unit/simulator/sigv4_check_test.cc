// The expected values come from contract section 26: computed with the upstream code.
#include "sigv4_check.h"

#include <gtest/gtest.h>

namespace efs::simulator {
namespace {

SignedFacts section26() {
  SignedFacts facts;
  facts.public_key_sha1 = "0123456789abcdef0123456789abcdef01234567";
  facts.access_key_id = "AKIDEXAMPLE";
  facts.file_system_id = "fs-deadbeef";
  facts.region = "us-east-1";
  facts.time = std::chrono::system_clock::from_time_t(1767323045);  // 2026-01-02T03:04:05Z
  return facts;
}

constexpr auto kSecret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

// CERT-4, CERT-5, CERT-6
TEST(Sigv4Check, SignsWithASessionTokenAsUpstream) {
  SignedFacts facts = section26();
  facts.session_token = "tok/en+with=chars";
  EXPECT_EQ(sha256Hex(canonicalRequest(facts)),
            "61f54d256bb6794c2d1b3bb244000f0265af5a68365b4a1958b43f098d6c9e90");
  EXPECT_EQ(expectedSignature(facts, kSecret),
            "e7bcd6c00945b89ef8eae040dece5460d09a50d602e7ac4d65f374c627d07d89");
}

// CERT-4, CERT-5, CERT-6
TEST(Sigv4Check, SignsWithoutASessionTokenAsUpstream) {
  const SignedFacts facts = section26();
  EXPECT_EQ(sha256Hex(canonicalRequest(facts)),
            "b6eb29fb1bac05ac33ba746242377cfa6afcf95f2416df4f5deb9b74b6c8ef26");
  EXPECT_EQ(expectedSignature(facts, kSecret),
            "9dba1f83ebba4e28b8d5e07a2eccdc8b88eebb957eab648551595725e210ca31");
}

// CERT-6
TEST(Sigv4Check, QuotesABlankAsPlus) {
  SignedFacts facts = section26();
  facts.session_token = "a b~c%";
  EXPECT_NE(canonicalRequest(facts).find("&X-Amz-Security-Token=a+b~c%25&"), std::string::npos);
}

}  // namespace
}  // namespace efs::simulator
