// The fields of certificates are tested singly by tests/integration/simulator/certificate_test.py;
// here is what a TLS client cannot send.
#include "certificate_check.h"

#include <gtest/gtest.h>

namespace efs::simulator {
namespace {

using namespace std::string_view_literals;

TEST(ParseClientCertificate, NamesWhatIsNotACertificate) {
  for (const auto bytes : {""sv, "x"sv, "\x30\x00"sv, "\x30\x80\x00\x00"sv, "\x30\x02\x30\x00"sv}) {
    const auto claim = parseClientCertificate(bytes);
    ASSERT_FALSE(claim);
    EXPECT_FALSE(claim.error().field.empty());
    EXPECT_FALSE(claim.error().reason.empty());
  }
}

TEST(ParseClientCertificate, RejectsBytesBehindTheCertificate) {
  const auto claim = parseClientCertificate("\x30\x00more"sv);
  ASSERT_FALSE(claim);
  EXPECT_EQ(claim.error().reason, "bytes after the certificate");
}

class JudgeClaim : public testing::Test {
 protected:
  JudgeClaim() {
    claim_.file_system_id = rules_.file_system_id = "fs-1";
    rules_.now = std::chrono::system_clock::from_time_t(1800000000);
    claim_.not_before = rules_.now - std::chrono::minutes(15);
    claim_.not_after = rules_.now + std::chrono::hours(3);
    rules_.knows_access_point = [](const std::string& id) { return id == "fsap-1"; };
    rules_.identity_of_key = [](const std::string&) { return std::nullopt; };
  }
  std::string refusedField() {
    const auto identity = judgeClaim(claim_, rules_);
    return identity ? "" : identity.error().field;
  }
  ClientClaim claim_;
  CertificateRules rules_;
};

TEST_F(JudgeClaim, AcceptsAClaimWithoutIdentity) { EXPECT_EQ(refusedField(), ""); }

TEST_F(JudgeClaim, AllowsExactlyTheSkew) {
  claim_.not_before += rules_.max_skew;
  EXPECT_EQ(refusedField(), "");
  claim_.not_before += std::chrono::seconds(1);
  EXPECT_EQ(refusedField(), "not_before");
}

TEST_F(JudgeClaim, EndsAtTheNotAfterTime) {
  rules_.now = claim_.not_after - std::chrono::seconds(1);
  EXPECT_EQ(refusedField(), "");
  rules_.now = claim_.not_after;
  EXPECT_EQ(refusedField(), "not_after");
}

TEST_F(JudgeClaim, RefusesAnUnknownKey) {
  claim_.auth = ClientAuth{"AKIA", std::string(64, 'a'), rules_.now, std::nullopt};
  EXPECT_EQ(refusedField(), "client_auth.access_key_id");
}

}  // namespace
}  // namespace efs::simulator
