// Our policy on a host whose OpenSSL has less than usual: in FIPS mode by the host's openssl.cnf,
// without a word in our configuration, the curves of RFC 7748 are missing.
#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include <string_view>

#include "efs/test_support/fake_clock.h"
#include "efs/tls/tls_client_context.h"
#include "efs/tls/tls_transport.h"
#include "tls_test_server.h"

namespace {

// A group that OpenSSL does not have; empty: it has all.
std::string_view missing_group;

}  // namespace

// Before that of the library, which refuses a list with one name that it does not know.
extern "C" long SSL_CTX_ctrl(SSL_CTX* context, int command, long number, void* argument) {
  using Function = long (*)(SSL_CTX*, int, long, void*);
  static const auto real = reinterpret_cast<Function>(::dlsym(RTLD_NEXT, "SSL_CTX_ctrl"));
  if (command == SSL_CTRL_SET_GROUPS_LIST && !missing_group.empty() &&
      std::string_view(static_cast<const char*>(argument)).find(missing_group) !=
          std::string_view::npos)
    return 0;
  return real(context, command, number, argument);
}

namespace efs::tls {
namespace {

using ::testing::ElementsAre;
using testing::TestPki;
using testing::TlsTestServer;

TEST(TlsPolicyTest, DoesWithoutAGroupThatTheHostLacks) {
  const TestPki pki;
  const test_support::FakeClock clock;
  TlsOptions options;
  options.ca_file = pki.ca();
  options.check_host = TestPki::kServerName;
  options.certificate_file = pki.clientCertificate();
  options.key_file = pki.clientKey();
  missing_group = "X25519";
  const auto context = TlsClientContext::create(options, clock);
  missing_group = {};
  ASSERT_TRUE(context) << context.error().describe();
  TlsTestServer server(pki, TLS1_3_VERSION);
  const auto client = std::move(*context->connect(server.clientEnd()));
  (void)client->handshake();
  EXPECT_TRUE(server.handshake()) << server.failure();
  EXPECT_THAT(server.offeredGroups(),
              ElementsAre(NID_X9_62_prime256v1, NID_secp384r1, NID_secp521r1));
}

}  // namespace
}  // namespace efs::tls
