#include "efs/identity/client_certificate.h"

#include <gtest/gtest.h>

#include "efs/base/text.h"
#include "efs/crypto/certificate.h"
#include "efs/crypto/der.h"

namespace efs::identity {
namespace {

namespace der = crypto::der;

const WallTime kNow = std::chrono::system_clock::from_time_t(1772366400);  // 2026-03-01T12:00:00Z

class ClientCertificateTest : public ::testing::Test {
 protected:
  // 2048 bits: the size is loadOrCreatePrivateKey()'s affair.
  static void SetUpTestSuite() {
    key_ = new crypto::RsaKey(crypto::RsaKey::generate(2048).value());
  }
  static void TearDownTestSuite() {
    delete key_;
    key_ = nullptr;
  }
  static CertificateRequest request() {
    CertificateRequest request;
    request.common_name = "host-a";
    request.fs_id = "fs-12345678";
    request.region = "us-east-1";
    request.client_version = "3.2.0";
    return request;
  }
  static CertificateRequest iamRequest() {
    auto made = request();
    made.credentials = aws::Credentials();
    made.credentials->access_key_id = "AKIA";
    made.credentials->secret_access_key = Secret(std::string("secret"));
    return made;
  }
  static crypto::CertificateFacts made(const CertificateRequest& request, WallTime now = kNow) {
    const auto certificate = makeClientCertificate(request, *key_, now);
    EXPECT_TRUE(certificate) << certificate.error().describe();
    return crypto::readCertificate(certificate->pem, "test").value();
  }
  static std::vector<std::string> oids(const CertificateRequest& request) {
    std::vector<std::string> list;
    for (const auto& extension : made(request).extensions) list.push_back(extension.oid);
    return list;
  }
  static crypto::RsaKey* key_;
};
crypto::RsaKey* ClientCertificateTest::key_ = nullptr;

// CERT-1
TEST_F(ClientCertificateTest, HasTheContractsTimesAndNames) {
  const auto certificate = makeClientCertificate(request(), *key_, kNow + Duration(750));
  ASSERT_TRUE(certificate);
  EXPECT_EQ(certificate->not_before, kNow - std::chrono::minutes(15));
  EXPECT_EQ(certificate->not_after, kNow + std::chrono::hours(3));
  EXPECT_TRUE(certificate->pem.starts_with("-----BEGIN CERTIFICATE-----\n"));
  const auto facts = crypto::readCertificate(certificate->pem, "test").value();
  EXPECT_EQ(facts.not_before, certificate->not_before);
  EXPECT_EQ(facts.not_after, certificate->not_after);
  EXPECT_EQ(facts.version, 3);
  EXPECT_EQ(facts.serial, "00");
  EXPECT_EQ(facts.subject, "CN = host-a");
  EXPECT_EQ(facts.issuer, facts.subject);
  EXPECT_EQ(facts.signature_algorithm, "RSA-SHA256");
  EXPECT_TRUE(facts.self_signature_valid);
}

// CERT-1, CERT-7: the serial counts up with each renewal, the key stays
// A clock that AWS found wrong: its own time is what it will judge by.
TEST_F(ClientCertificateTest, TimesAreThoseOfTheServiceWhereItToldThem) {
  auto skewed = iamRequest();
  skewed.credentials->clock_skew = std::chrono::hours(-2);
  const auto certificate = makeClientCertificate(skewed, *key_, kNow);
  ASSERT_TRUE(certificate);
  EXPECT_EQ(certificate->not_after, kNow + std::chrono::hours(1));
  EXPECT_EQ(certificate->pem,
            makeClientCertificate(iamRequest(), *key_, kNow - std::chrono::hours(2))->pem);
}

TEST_F(ClientCertificateTest, RenewalChangesSerialAndTimesOnly) {
  auto renewal = iamRequest();
  renewal.serial = 1;
  const auto first = made(iamRequest());
  const auto second = made(renewal, kNow + std::chrono::hours(1));
  EXPECT_EQ(second.serial, "01");
  EXPECT_EQ(second.public_key_sha1, first.public_key_sha1);
  EXPECT_EQ(second.not_after - first.not_after, std::chrono::hours(1));
  // CERT-7: no blank before the two strings
  EXPECT_EQ(second.extensions.back().value, first.extensions.back().value);
  EXPECT_NE(second.extensions[1].value, first.extensions[1].value);  // a new signature
}

// CERT-1: at most 64 characters, never half of one
TEST_F(ClientCertificateTest, CutsALongHostName) {
  auto long_name = request();
  long_name.common_name = std::string(65, 'h');
  EXPECT_EQ(made(long_name).subject, "CN = " + std::string(64, 'h'));
  long_name.common_name = std::string(63, 'h') + "\xC3\xA9\xC3\xA9";
  EXPECT_NE(made(long_name).subject_der.find(der::utf8String(std::string(63, 'h') + "\xC3\xA9")),
            std::string::npos);
}

TEST_F(ClientCertificateTest, MakesAnOddHostNameFit) {
  auto odd = request();
  odd.common_name = "ho\xFFst\n";
  EXPECT_EQ(made(odd).subject, "CN = ho?st?");
}

// CERT-2
TEST_F(ClientCertificateTest, HasTheExtensionsInOrder) {
  const std::string id = crypto::kSubjectKeyIdentifierOid;
  using Oids = std::vector<std::string>;
  EXPECT_EQ(oids(request()), (Oids{id, kFileSystemOid, kClientInfoOid}));
  EXPECT_EQ(oids(iamRequest()), (Oids{id, kClientAuthOid, kFileSystemOid, kClientInfoOid}));
  auto all = iamRequest();
  all.access_point = "fsap-1";
  EXPECT_EQ(oids(all), (Oids{id, kAccessPointOid, kClientAuthOid, kFileSystemOid, kClientInfoOid}));
  for (const auto& extension : made(all).extensions) EXPECT_FALSE(extension.critical);
}

// CERT-2, CERT-6: the key id is the hash that the signature covers
TEST_F(ClientCertificateTest, CarriesTheKeysHash) {
  const auto facts = made(request());
  EXPECT_EQ(hex(facts.extensions.at(0).value), "0414" + key_->publicKeySha1());
  EXPECT_EQ(facts.public_key_sha1, key_->publicKeySha1());
}

// CERT-3
TEST_F(ClientCertificateTest, ClientAuthHasTheTokenOnlyWhenThereIsOne) {
  auto with_token = iamRequest();
  with_token.credentials->session_token = Secret(std::string("tok"));
  const std::string value = made(with_token).extensions.at(1).value;
  EXPECT_TRUE(value.ends_with(der::utcTime(kNow) + der::explicitTag(0, der::utf8String("tok"))));
  EXPECT_NE(value.find(der::utf8String("AKIA") + std::string("\x04\x40", 2)), std::string::npos);
  with_token.credentials->session_token = Secret();
  EXPECT_TRUE(made(with_token).extensions.at(1).value.ends_with(der::utcTime(kNow)));
}

// CERT-8
TEST_F(ClientCertificateTest, LimitsSourceAndVersion) {
  auto edge = request();
  edge.client_source = std::string(100, 's');
  EXPECT_TRUE(makeClientCertificate(edge, *key_, kNow));
  edge.client_source += "s";
  EXPECT_FALSE(makeClientCertificate(edge, *key_, kNow));
}

TEST_F(ClientCertificateTest, RefusesFieldsThatWouldChangeWhatIsSigned) {
  auto broken = iamRequest();
  broken.fs_id = "fs-1\nhost";
  EXPECT_EQ(makeClientCertificate(broken, *key_, kNow).error().kind(), ErrorKind::kInvalidInput);
  broken = iamRequest();
  broken.region = "";
  EXPECT_FALSE(makeClientCertificate(broken, *key_, kNow));
  broken = iamRequest();
  broken.credentials->access_key_id = "";
  EXPECT_FALSE(makeClientCertificate(broken, *key_, kNow));
  broken = request();
  broken.access_point = "\xFF";
  EXPECT_FALSE(makeClientCertificate(broken, *key_, kNow));
  broken = request();
  broken.common_name = "";
  EXPECT_FALSE(makeClientCertificate(broken, *key_, kNow));
}

TEST_F(ClientCertificateTest, ErrorsDoNotShowSecrets) {
  auto broken = iamRequest();
  broken.credentials->session_token = Secret(std::string("hush\x01"));
  const auto certificate = makeClientCertificate(broken, *key_, kNow);
  ASSERT_FALSE(certificate);
  EXPECT_EQ(certificate.error().describe().find("hush"), std::string::npos);
}

// Section 3.2
TEST(AccessPointId, IsFsapAndSeventeenLowerCaseHexadecimalDigits) {
  EXPECT_TRUE(isAccessPointId("fsap-0123456789abcdef0"));
  EXPECT_FALSE(isAccessPointId("fsap-0123456789abcdef"));
  EXPECT_FALSE(isAccessPointId("fsap-0123456789abcdef01"));
  EXPECT_FALSE(isAccessPointId("fsap-0123456789ABCDEF0"));
  EXPECT_FALSE(isAccessPointId("fsap-0123456789abcdefg"));
  EXPECT_FALSE(isAccessPointId("xsap-0123456789abcdef0"));
  EXPECT_FALSE(isAccessPointId(""));
}

}  // namespace
}  // namespace efs::identity
