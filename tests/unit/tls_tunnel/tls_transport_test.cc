// TLS towards a server that does what a server may do and few do: asks for new keys while our
// writes wait, as often as it likes; and what we do by ourselves: new keys in time, our own choice
// of suites, a file of authorities that changes under us.
#include "efs/tls/tls_transport.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/ssl.h>
#include <sys/resource.h>

#include <set>

#include "efs/test_support/fake_clock.h"
#include "efs/test_support/real_clock.h"
#include "efs/tls/tls_client_context.h"
#include "tls_test_server.h"

namespace efs::tls {
namespace {

using io::IoState;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;
using testing::TestPki;
using testing::TlsTestServer;

std::string pattern(std::size_t size) {
  std::string bytes(size, '\0');
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>((i * 131 + i / 251) & 0xFFU);
  return bytes;
}

class TlsTransportTest : public ::testing::Test {
 protected:
  static TestPki& pki() {
    static TestPki made;
    return made;
  }
  TlsTransportTest() {
    options_.ca_file = pki().ca();
    options_.check_host = TestPki::kServerName;
    options_.certificate_file = pki().clientCertificate();
    options_.key_file = pki().clientKey();
  }
  TlsClientContext makeContext() const {
    auto context = TlsClientContext::create(options_, clock_);
    if (!context) ADD_FAILURE() << context.error().describe();
    return std::move(*context);
  }
  // Both ends as far as they come; what our end says when it fails.
  static Status secure(TlsTransport& client, TlsTestServer& server) {
    for (int i = 0; i < 20; ++i) {
      const auto state = client.handshake().state;
      if (state == IoState::kFailed) return client.error();
      const bool server_goes_on = server.handshake();
      if (state == IoState::kDone && server.done()) return {};
      if (!server_goes_on) return Error(ErrorKind::kProtocol, "server: " + server.failure());
    }
    return Error(ErrorKind::kTimeout, "the handshake stands still");
  }
  std::unique_ptr<TlsTransport> connect(const TlsClientContext& context, TlsTestServer& server) {
    auto client = std::move(*context.connect(server.clientEnd()));
    const auto secured = secure(*client, server);
    EXPECT_TRUE(secured) << secured.error().describe();
    (void)server.read();
    return client;
  }
  // As much as is taken.
  static std::size_t push(TlsTransport& client, std::string_view bytes) {
    std::size_t taken = 0;
    while (taken < bytes.size()) {
      const auto result = client.write(std::as_bytes(std::span(bytes.substr(taken))));
      EXPECT_NE(result.state, IoState::kFailed) << client.error().describe();
      if (result.state != IoState::kDone) break;
      taken += result.bytes;
    }
    EXPECT_NE(client.flush().state, IoState::kFailed) << client.error().describe();
    return taken;
  }
  static std::string pull(TlsTransport& client) {
    std::string all;
    std::array<std::byte, 8192> chunk{};
    for (;;) {
      const auto result = client.read(chunk);
      EXPECT_NE(result.state, IoState::kFailed) << client.error().describe();
      if (result.state != IoState::kDone) return all;
      all.append(reinterpret_cast<const char*>(chunk.data()), result.bytes);
    }
  }
  // Everything through to a server that reads again.
  static void carry(TlsTransport& client, TlsTestServer& server, std::string_view bytes,
                    std::string& arrived) {
    for (int i = 0; i < 10000 && (!bytes.empty() || client.flush().state != IoState::kDone); ++i) {
      bytes.remove_prefix(push(client, bytes));
      arrived += server.read();
    }
    EXPECT_TRUE(bytes.empty());
    arrived += server.read();
  }

  test_support::FakeClock clock_;
  TlsOptions options_;
};

TEST_F(TlsTransportTest, CarriesBytesBothWays) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    const auto context = makeContext();
    TlsTestServer server(pki(), version);
    const auto client = connect(context, server);
    const std::string up = pattern(1 << 20);
    std::string arrived;
    carry(*client, server, up, arrived);
    EXPECT_EQ(arrived, up);
    EXPECT_TRUE(server.write("answer"));
    EXPECT_EQ(pull(*client), "answer");
  }
}

// RFC 8446 section 4.6.3: the wish for new keys must be answered before the next record.
TEST_F(TlsTransportTest, AnswersKeyUpdatesWhileItsWritesWait) {
  const auto context = makeContext();
  TlsTestServer server(pki(), TLS1_3_VERSION);
  const auto client = connect(context, server);
  const std::string up = pattern(4 << 20);
  std::size_t taken = push(*client, up);
  ASSERT_LT(taken, up.size()) << "the server does not read, so something must wait";
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(server.updateKey(true));
    ASSERT_TRUE(server.write("down" + std::to_string(i)));
    EXPECT_EQ(pull(*client), "down" + std::to_string(i));
    taken += push(*client, std::string_view(up).substr(taken));
  }
  std::string arrived;
  carry(*client, server, std::string_view(up).substr(taken), arrived);
  EXPECT_EQ(server.failure(), "");
  EXPECT_EQ(arrived.size(), up.size());
  EXPECT_EQ(arrived, up);
  EXPECT_GE(server.keyUpdates(), 1);
}

// More answers than there is room for, while nobody reads them.
TEST_F(TlsTransportTest, AFloodOfKeyUpdatesDoesNotEndTheConnection) {
  const auto context = makeContext();
  TlsTestServer server(pki(), TLS1_3_VERSION);
  const auto client = connect(context, server);
  const std::string up = pattern(4 << 20);
  std::size_t taken = push(*client, up);
  for (int i = 0; i < 20000; ++i) {
    if (!server.updateKey(true)) break;
    if (i % 500 == 0) (void)pull(*client);
  }
  (void)pull(*client);
  std::string arrived = server.read();
  for (int i = 0; i < 100; ++i) {
    (void)pull(*client);
    arrived += server.read();
  }
  carry(*client, server, std::string_view(up).substr(taken), arrived);
  EXPECT_EQ(server.failure(), "");
  EXPECT_EQ(arrived, up);
}

// The answers fill the output while they are made, and the socket takes them all at once: what came
// behind the flood must not wait for an event that does not come.
TEST_F(TlsTransportTest, ReadsWhatStandsBehindAFloodOfKeyUpdates) {
  const auto context = makeContext();
  TlsTestServer server(pki(), TLS1_3_VERSION, "", TlsTestServer::kLargeBuffers);
  const auto client = connect(context, server);
  int sent = 0;
  while (sent < 12000 && server.updateKey(true)) ++sent;
  if (sent < 12000) GTEST_SKIP() << "the socket is too small without the rights of root";
  ASSERT_TRUE(server.write("answer"));
  EXPECT_EQ(pull(*client), "answer");
  (void)server.read();
  EXPECT_EQ(server.failure(), "");
}

// RFC 8446 section 5.5
TEST_F(TlsTransportTest, ChangesItsKeyAfterSoManyRecords) {
  options_.records_per_key = 4;
  const auto context = makeContext();
  TlsTestServer server(pki(), TLS1_3_VERSION);
  const auto client = connect(context, server);
  std::string arrived;
  for (int i = 0; i < 41; ++i) carry(*client, server, "record", arrived);
  EXPECT_EQ(arrived.size(), 41 * 6U);
  EXPECT_EQ(server.keyUpdates(), 10);
  // Large writes count by record.
  const std::string up = pattern(16 * 16384);
  arrived.clear();
  carry(*client, server, up, arrived);
  EXPECT_EQ(arrived, up);
  EXPECT_GE(server.keyUpdates(), 14);
  EXPECT_TRUE(server.write("answer"));
  EXPECT_EQ(pull(*client), "answer");
}

TEST_F(TlsTransportTest, ChangesItsKeyWhileTheServerDoesToo) {
  options_.records_per_key = 2;
  const auto context = makeContext();
  TlsTestServer server(pki(), TLS1_3_VERSION);
  const auto client = connect(context, server);
  std::string up;
  std::string arrived;
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(server.updateKey(i % 2 == 0)) << i;
    const std::string text = "down" + std::to_string(i);
    ASSERT_TRUE(server.write(text));
    up += "up" + std::to_string(i);
    carry(*client, server, "up" + std::to_string(i), arrived);
    EXPECT_EQ(pull(*client), text);
  }
  EXPECT_EQ(arrived, up);
}

TEST_F(TlsTransportTest, ByDefaultTheKeyLastsFarBelowTheLimitOfAesGcm) {
  EXPECT_LE(TlsOptions().records_per_key, std::uint64_t{1} << 24U);
  EXPECT_GE(TlsOptions().records_per_key, std::uint64_t{1} << 20U);
}

TEST_F(TlsTransportTest, Tls12HasNoKeyUpdateAndGoesOn) {
  options_.records_per_key = 2;
  const auto context = makeContext();
  TlsTestServer server(pki(), TLS1_2_VERSION);
  const auto client = connect(context, server);
  std::string arrived;
  for (int i = 0; i < 10; ++i) carry(*client, server, "record", arrived);
  EXPECT_EQ(arrived.size(), 60U);
  EXPECT_EQ(server.keyUpdates(), 0);
}

TEST_F(TlsTransportTest, EndsInGoodOrder) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    const auto context = makeContext();
    TlsTestServer server(pki(), version);
    const auto client = connect(context, server);
    EXPECT_EQ(client->finishWriting().state, IoState::kDone);
    (void)server.read();
    EXPECT_TRUE(server.closed()) << server.failure();
  }
}

// ---- which suites

TEST_F(TlsTransportTest, OffersOnlyForwardSecretAeadSuites) {
  const auto context = makeContext();
  TlsTestServer server(pki(), TLS1_2_VERSION);
  const auto client = connect(context, server);
  const auto offered = server.offeredCiphers();
  EXPECT_THAT(offered, Not(IsEmpty()));
  for (const auto& name : offered) {
    const bool tls13 = name.starts_with("TLS_");
    EXPECT_TRUE(tls13 || name.starts_with("ECDHE-")) << name;
    EXPECT_TRUE(name.find("GCM") != std::string::npos || name.find("CHACHA20") != std::string::npos)
        << name;
  }
}

TEST_F(TlsTransportTest, OffersOnlyKnownGroups) {
  const auto context = makeContext();
  TlsTestServer server(pki(), TLS1_3_VERSION);
  const auto client = connect(context, server);
  EXPECT_THAT(server.offeredGroups(),
              ElementsAre(NID_X25519, NID_X9_62_prime256v1, NID_secp384r1, NID_secp521r1));
}

TEST_F(TlsTransportTest, DoesNotSpeakOtherSuitesUnlessConfigured) {
  for (const char* suite : {"ECDHE-ECDSA-AES128-SHA256", "ECDHE-ECDSA-AES256-SHA"}) {
    {
      const auto context = makeContext();
      TlsTestServer server(pki(), TLS1_2_VERSION, suite);
      const auto client = std::move(*context.connect(server.clientEnd()));
      EXPECT_FALSE(secure(*client, server)) << suite;
    }
    TlsOptions before = options_;
    options_.ciphers = suite;
    const auto context = makeContext();
    TlsTestServer server(pki(), TLS1_2_VERSION, suite);
    const auto client = std::move(*context.connect(server.clientEnd()));
    EXPECT_TRUE(secure(*client, server)) << suite;
    options_ = before;
  }
}

TEST_F(TlsTransportTest, TakesSuitesOfBothVersionsFromTheConfiguration) {
  options_.ciphers = "TLS_AES_128_GCM_SHA256:ECDHE-ECDSA-AES256-GCM-SHA384";
  const auto context = makeContext();
  TlsTestServer server(pki(), TLS1_3_VERSION);
  const auto client = connect(context, server);
  EXPECT_EQ(client->describe(), "TLSv1.3 TLS_AES_128_GCM_SHA256");
  auto offered = server.offeredCiphers();
  std::erase(offered, "TLS_EMPTY_RENEGOTIATION_INFO_SCSV");
  EXPECT_THAT(offered, ElementsAre("TLS_AES_128_GCM_SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384"));
}

TEST_F(TlsTransportTest, NamesSuitesThatNobodyKnows) {
  for (const char* bad : {"NO-SUCH-SUITE", "TLS_NO_SUCH_SUITE"}) {
    options_.ciphers = bad;
    const auto context = TlsClientContext::create(options_, clock_);
    ASSERT_FALSE(context) << bad;
    EXPECT_EQ(context.error().kind(), ErrorKind::kInvalidInput);
    EXPECT_NE(context.error().message().find(bad), std::string::npos) << context.error().message();
  }
}

// ---- the certificate that SIGHUP reads again

class RenewedCertificate : public TlsTransportTest {
 protected:
  RenewedCertificate() {
    install(pki());
    options_.certificate_file = dir_.at("client.pem");
    options_.key_file = dir_.at("client.key");
    const test_support::RealClock today("OpenSSL dates the test's certificates by it");
    clock_.jumpWall(std::chrono::duration_cast<Duration>(today.now() + std::chrono::hours(24 * 7) -
                                                         clock_.now()));
  }
  void install(const TestPki& of) const {
    dir_.write("client.pem", test_support::contentOf(of.clientCertificate()));
    dir_.write("client.key", test_support::contentOf(of.clientKey()));
  }
  test_support::TempDir dir_;
};

TEST_F(RenewedCertificate, ThatHasExpiredIsRefused) {
  auto context = makeContext();
  const auto end = context.certificateEnd();
  install(TestPki("Other Root", 12));
  const auto status = context.reloadCertificate();
  ASSERT_FALSE(status);
  EXPECT_NE(status.error().message().find("expired"), std::string::npos);
  EXPECT_EQ(context.certificateEnd(), end);
}

// Made by the time of AWS, which may be hours behind this machine's clock.
TEST_F(RenewedCertificate, ThatEndsLaterThanThePresentOneIsTakenWhateverOurClockSays) {
  auto context = makeContext();
  const auto end = context.certificateEnd();
  install(TestPki("Other Root", 48));
  const auto status = context.reloadCertificate();
  EXPECT_TRUE(status) << status.error().describe();
  EXPECT_GT(context.certificateEnd(), end);
}

// ---- the file of authorities

class AuthorityFile : public TlsTransportTest {
 protected:
  AuthorityFile() { options_.ca_file = dir_.write("ca.pem", textOf(pki())); }
  static std::string textOf(const TestPki& pki) { return test_support::contentOf(pki.ca()); }
  static TestPki& other() {
    static TestPki made("Other Root");
    return made;
  }
  static ErrorKind judge(const TlsClientContext& context, const TestPki& server_pki) {
    TlsTestServer server(server_pki, TLS1_2_VERSION);
    const auto client = std::move(*context.connect(server.clientEnd()));
    for (int i = 0; i < 20; ++i) {
      const auto state = client->handshake().state;
      if (state == IoState::kFailed) return client->error().kind();
      // It refuses our certificate, which is of the first authority: that is not asked here.
      if (!server.handshake()) return ErrorKind::kPermission;
      if (state == IoState::kDone) return ErrorKind::kPermission;
    }
    return ErrorKind::kTimeout;
  }
  static std::string refresh(TlsClientContext& context) {
    const auto fresh = context.refreshAuthorities();
    if (!fresh) return "bad";
    return *fresh ? "read" : "same";
  }
  static bool trusts(const TlsClientContext& context, const TestPki& server_pki) {
    return judge(context, server_pki) != ErrorKind::kUntrusted;
  }
  test_support::TempDir dir_;
};

TEST_F(AuthorityFile, ThatHasNotChangedIsNotReadAgain) {
  auto context = makeContext();
  EXPECT_EQ(refresh(context), "same");
  EXPECT_TRUE(trusts(context, pki()));
  EXPECT_FALSE(trusts(context, other()));
}

TEST_F(AuthorityFile, WithANewRootIsTrustedAndAWithdrawnOneIsRefused) {
  auto context = makeContext();
  dir_.write("ca.pem", textOf(pki()) + textOf(other()));
  EXPECT_EQ(refresh(context), "read");
  EXPECT_TRUE(trusts(context, pki()));
  EXPECT_TRUE(trusts(context, other()));
  dir_.write("ca.pem", textOf(other()));
  EXPECT_EQ(refresh(context), "read");
  EXPECT_FALSE(trusts(context, pki()));
  EXPECT_TRUE(trusts(context, other()));
}

TEST_F(AuthorityFile, ThatIsBrokenKeepsTheOldOnesAndIsSaidOnce) {
  auto context = makeContext();
  const std::string good = textOf(pki());
  for (const std::string& bad :
       {std::string(), std::string("hello"), good.substr(0, good.size() / 2),
        good + textOf(other()).substr(0, 200)}) {
    dir_.write("ca.pem", bad);
    const auto fresh = context.refreshAuthorities();
    ASSERT_FALSE(fresh) << bad;
    EXPECT_EQ(fresh.error().kind(), ErrorKind::kInvalidInput);
    EXPECT_NE(fresh.error().message().find("ca.pem"), std::string::npos);
    EXPECT_EQ(refresh(context), "same") << "once";
    EXPECT_TRUE(trusts(context, pki()));
    EXPECT_FALSE(trusts(context, other()));
  }
  dir_.write("ca.pem", textOf(other()));
  EXPECT_EQ(refresh(context), "read");
  EXPECT_TRUE(trusts(context, other()));
}

// A lack of our own says nothing about the file.
TEST_F(AuthorityFile, ThatCannotBeReadNowIsReadLater) {
  auto context = makeContext();
  dir_.write("ca.pem", textOf(other()));
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none{3, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  const auto fresh = context.refreshAuthorities();
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  ASSERT_FALSE(fresh);
  EXPECT_EQ(fresh.error().kind(), ErrorKind::kIo) << fresh.error().describe();
  EXPECT_EQ(refresh(context), "read");
  EXPECT_TRUE(trusts(context, other()));
}

TEST_F(AuthorityFile, ThatVanishedKeepsTheOldOnes) {
  auto context = makeContext();
  ASSERT_EQ(std::remove(options_.ca_file.c_str()), 0);
  const auto fresh = context.refreshAuthorities();
  ASSERT_FALSE(fresh);
  EXPECT_EQ(fresh.error().kind(), ErrorKind::kNotFound);
  EXPECT_TRUE(trusts(context, pki()));
}

}  // namespace
}  // namespace efs::tls
