#include "efs/crypto/certificate.h"

#include <gtest/gtest.h>

#include "efs/crypto/der.h"

namespace efs::crypto {
namespace {

WallTime at(std::time_t seconds) { return std::chrono::system_clock::from_time_t(seconds); }

class Certificate : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { key_ = new RsaKey(RsaKey::generate(2048).value()); }
  static void TearDownTestSuite() {
    delete key_;
    key_ = nullptr;
  }
  static CertificateSpec spec() {
    CertificateSpec spec;
    spec.common_name = "host-a";
    spec.not_before = at(1772365500);
    spec.not_after = at(1772377200);
    return spec;
  }
  static RsaKey* key_;
};
RsaKey* Certificate::key_ = nullptr;

TEST_F(Certificate, ReadsBackWhatWasWritten) {
  auto wanted = spec();
  wanted.serial = 0xABCDEF0123;
  wanted.extensions = {{"1.2.3.4", der::utf8String("x")},
                       {"2.5.29.14", der::octetString("id"), true}};
  const auto pem = makeSelfSignedCertificate(wanted, *key_);
  ASSERT_TRUE(pem) << pem.error().describe();
  const auto facts = readCertificate(*pem, "test");
  ASSERT_TRUE(facts) << facts.error().describe();
  EXPECT_EQ(facts->version, 3);
  EXPECT_EQ(facts->serial, "ABCDEF0123");
  EXPECT_EQ(facts->subject, "CN = host-a");
  EXPECT_EQ(facts->issuer, "CN = host-a");
  EXPECT_EQ(facts->not_before, wanted.not_before);
  EXPECT_EQ(facts->not_after, wanted.not_after);
  EXPECT_EQ(facts->signature_algorithm, "RSA-SHA256");
  EXPECT_EQ(facts->public_key_sha1, key_->publicKeySha1());
  EXPECT_TRUE(facts->self_signature_valid);
  ASSERT_EQ(facts->extensions.size(), 2U);
  EXPECT_EQ(facts->extensions[0].oid, "1.2.3.4");
  EXPECT_EQ(facts->extensions[0].value, der::utf8String("x"));
  EXPECT_FALSE(facts->extensions[0].critical);
  EXPECT_EQ(facts->extensions[1].oid, "2.5.29.14");
  EXPECT_TRUE(facts->extensions[1].critical);
}

TEST_F(Certificate, IsTheSameForTheSameInput) {
  EXPECT_EQ(makeSelfSignedCertificate(spec(), *key_).value(),
            makeSelfSignedCertificate(spec(), *key_).value());
}

TEST_F(Certificate, TellsItsEnd) {
  const auto pem = makeSelfSignedCertificate(spec(), *key_);
  const auto end = certificateNotAfter(*pem, "test");
  ASSERT_TRUE(end);
  EXPECT_EQ(*end, spec().not_after);
}

TEST_F(Certificate, NoticesASignatureThatDoesNotFit) {
  std::string pem = makeSelfSignedCertificate(spec(), *key_).value();
  // The signature is the last thing in the DER: change a character near the end, clear of padding.
  const auto place = pem.rfind("\n-----END") - 10;
  pem[place] = pem[place] == 'A' ? 'B' : 'A';
  const auto facts = readCertificate(pem, "test");
  ASSERT_TRUE(facts) << facts.error().describe();
  EXPECT_FALSE(facts->self_signature_valid);
}

TEST_F(Certificate, RefusesACommonNameThatIsNotUtf8) {
  auto wanted = spec();
  wanted.common_name = "\xFF";
  EXPECT_FALSE(makeSelfSignedCertificate(wanted, *key_));
  wanted.common_name = "";
  EXPECT_FALSE(makeSelfSignedCertificate(wanted, *key_));
}

TEST_F(Certificate, ErrorsNameTheFileAndDoNotRepeatOldReasons) {
  for (int i = 0; i < 2; ++i) {
    const auto end = certificateNotAfter("no certificate", "/x/certificate.pem");
    ASSERT_FALSE(end);
    EXPECT_EQ(end.error().message(),
              "/x/certificate.pem: not a certificate in PEM form: no start line");
  }
}

}  // namespace
}  // namespace efs::crypto
