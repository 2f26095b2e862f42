#include "efs/crypto/rsa_key.h"

#include <gtest/gtest.h>

namespace efs::crypto {
namespace {

// 2048 bits where the size does not matter: 3072 take a second under a sanitizer.
constexpr int kBits = 2048;

TEST(RsaKey, SurvivesTheWayThroughPem) {
  const auto key = RsaKey::generate(kBits);
  ASSERT_TRUE(key) << key.error().describe();
  const auto pem = key->toPem();
  ASSERT_TRUE(pem);
  EXPECT_TRUE(pem->reveal().starts_with("-----BEGIN PRIVATE KEY-----\n"));
  const auto again = RsaKey::fromPem(pem->reveal());
  ASSERT_TRUE(again) << again.error().describe();
  EXPECT_EQ(again->publicKeySha1(), key->publicKeySha1());
  EXPECT_EQ(key->publicKeySha1().size(), 40U);
}

TEST(RsaKey, TwoKeysDiffer) {
  EXPECT_NE(RsaKey::generate(kBits)->publicKeySha1(), RsaKey::generate(kBits)->publicKeySha1());
}

TEST(RsaKey, RefusesWhatIsNotAKey) {
  for (const char* text :
       {"", "hello", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"}) {
    const auto key = RsaKey::fromPem(text);
    ASSERT_FALSE(key) << text;
    EXPECT_EQ(key.error().kind(), ErrorKind::kInvalidInput);
    EXPECT_NE(key.error().message().find("not a private key in PEM form: "), std::string::npos)
        << key.error().message();
  }
}

TEST(RsaKey, RefusesAnotherKindOfKey) {
  // openssl genpkey -algorithm ed25519
  const auto key = RsaKey::fromPem(
      "-----BEGIN PRIVATE KEY-----\n"
      "MC4CAQAwBQYDK2VwBCIEIFvGBB5gMkjGgDmn0rbqBo8CRDFZqCEbNnIvVCHRWlmS\n"
      "-----END PRIVATE KEY-----\n");
  ASSERT_FALSE(key);
  EXPECT_EQ(key.error().message(), "the private key is not an RSA key");
}

// OpenSSL would otherwise ask for the pass phrase on the terminal and hang.
TEST(RsaKey, RefusesAnEncryptedKeyWithoutAsking) {
  const auto key = RsaKey::fromPem(
      "-----BEGIN RSA PRIVATE KEY-----\n"
      "Proc-Type: 4,ENCRYPTED\n"
      "DEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF\n"
      "\n"
      "AAAAAAAAAAAAAAAAAAAAAA==\n"
      "-----END RSA PRIVATE KEY-----\n");
  ASSERT_FALSE(key);
  EXPECT_EQ(key.error().message(), "the private key is protected by a pass phrase");
}

}  // namespace
}  // namespace efs::crypto
