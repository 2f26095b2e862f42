#include "efs/tls/tls_client_context.h"

#include <gtest/gtest.h>

#include "efs/test_support/fake_clock.h"
#include "efs/test_support/temp_dir.h"

namespace efs::tls {
namespace {

// Good pairs need certificates made at run time: see tests/integration/tunnel. Here: what is wrong
// with the files is said, and said about the right file.
class TlsClientContextTest : public testing::Test {
 protected:
  Error failure() const {
    const auto context = TlsClientContext::create(options_, clock_);
    return context ? Error(ErrorKind::kInternal, "no error") : context.error();
  }
  test_support::FakeClock clock_;
  test_support::TempDir dir_;
  TlsOptions options_;
};

TEST_F(TlsClientContextTest, NamesAMissingAuthorityFile) {
  EXPECT_EQ(failure().kind(), ErrorKind::kInvalidInput) << "verify without a file";
  options_.ca_file = dir_.at("ca.pem");
  EXPECT_EQ(failure().kind(), ErrorKind::kNotFound);
  EXPECT_NE(failure().message().find(options_.ca_file), std::string::npos);
}

TEST_F(TlsClientContextTest, NamesAnAuthorityFileWithoutCertificates) {
  options_.ca_file = dir_.write("ca.pem", "hello");
  EXPECT_EQ(failure().kind(), ErrorKind::kInvalidInput);
  EXPECT_NE(failure().message().find(options_.ca_file), std::string::npos);
}

TEST_F(TlsClientContextTest, NamesACertificateThatIsMissingOrNone) {
  options_.verify = false;
  options_.certificate_file = dir_.at("cert.pem");
  EXPECT_EQ(failure().kind(), ErrorKind::kNotFound);
  dir_.write("cert.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
  EXPECT_EQ(failure().kind(), ErrorKind::kInvalidInput);
  EXPECT_NE(failure().message().find("cert.pem"), std::string::npos);
}

}  // namespace
}  // namespace efs::tls
