#include "efs/tls_tunnel/upstream_connector.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "efs/test_support/real_clock.h"
#include "efs/test_support/temp_dir.h"
#include "fake_dns.h"

namespace efs::tls_tunnel {
namespace {

class UpstreamConnectorTest : public testing::Test {
 protected:
  Result<ConnectedUpstream> connect(const std::string& host, int port) {
    UpstreamConnector connector(*loop_, limits_, dns_);
    connector.know(book_, proven_);
    std::optional<Result<ConnectedUpstream>> answer;
    connector.start(
        host, static_cast<std::uint16_t>(port),
        [this](const std::vector<net::Endpoint>& found) { resolved_ = found.size(); },
        [&](Result<ConnectedUpstream> result) { answer = std::move(result); });
    EXPECT_FALSE(answer) << "never from inside start()";
    for (int i = 0; i < 10000 && !answer; ++i) EXPECT_TRUE(loop_->runOnce(Duration{1000}));
    if (!answer) return Error(ErrorKind::kInternal, "no answer");
    return std::move(*answer);
  }
  // A DNS server that never answers; nobody waits for it.
  void silenceDns() {
    const sockaddr_in any_port{
        .sin_family = AF_INET, .sin_port = 0, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
    sockaddr_in bound{};
    socklen_t length = sizeof bound;
    silent_ = UniqueFd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(::bind(silent_.get(), reinterpret_cast<const sockaddr*>(&any_port), sizeof any_port),
              0);
    ASSERT_EQ(::getsockname(silent_.get(), reinterpret_cast<sockaddr*>(&bound), &length), 0);
    useDns(ntohs(bound.sin_port));
    limits_.resolve = Duration{0};
  }
  void useDns(std::uint16_t port, const char* text = "nameserver 127.0.0.1\n") {
    dns_.resolv_conf = dir_.write("resolv.conf", text);
    dns_.dns_port = port;
  }
  const test_support::TempDir dir_;
  UniqueFd silent_;
  net::Resolver::Options dns_;
  const test_support::RealClock clock_{"connections on the loopback"};
  Limits limits_;
  std::unique_ptr<loop::EventLoop> loop_ = std::move(*loop::EventLoop::create(clock_));
  // The last connection was to this port of 127.0.0.1.
  void served(int port) {
    book_.served(*net::Endpoint::fromLiteral("127.0.0.1", static_cast<std::uint16_t>(port)));
  }
  AddressBook book_;
  bool proven_ = false;
  std::size_t resolved_ = 0;
};

// Field: a connection breaks while DNS is down.
TEST_F(UpstreamConnectorTest, SilentDnsLeadsToTheLastAddress) {
  const auto listener = net::listenLoopback(0);
  silenceDns();
  served(listener->port);
  proven_ = true;
  const auto upstream = connect("silent.example", 2049);
  ASSERT_TRUE(upstream) << upstream.error().describe();
  EXPECT_EQ(upstream->peer.text(), book_.lastGood()->text());
}

TEST_F(UpstreamConnectorTest, SilentDnsIsAnErrorWhereNobodyProvesWhoTheServerIs) {
  const auto listener = net::listenLoopback(0);
  silenceDns();
  served(listener->port);
  const auto upstream = connect("silent.example", 2049);
  ASSERT_FALSE(upstream);
  EXPECT_EQ(upstream.error().kind(), ErrorKind::kTimeout);
  EXPECT_EQ(resolved_, 0U);
}

// A DNS server may be wrong for minutes (a zone that was not copied, a cached NXDOMAIN); the mount
// target is where it was, and TLS proves it.
TEST_F(UpstreamConnectorTest, AWrongAnswerOfDnsLeadsToTheLastAddress) {
  net::testing::FakeDns dns({{"empty.test", {}},
                             {"servfail.test", {{}, {}, false, false, true}},
                             {"formerr.test", {{}, {}, false, false, false, {}, 1}},
                             {"notimp.test", {{}, {}, false, false, false, {}, 4}},
                             {"refused.test", {{}, {}, false, false, false, {}, 5}},
                             {"strange.test", {{}, {}, false, false, false, {}, 11}}});
  useDns(dns.port());
  const auto listener = net::listenLoopback(0);
  served(listener->port);
  for (const char* name : {"nxdomain.test", "empty.test", "servfail.test", "formerr.test",
                           "notimp.test", "refused.test", "strange.test"}) {
    proven_ = true;
    const auto upstream = connect(name, 2049);
    ASSERT_TRUE(upstream) << name << ": " << upstream.error().describe();
    EXPECT_EQ(upstream->peer.text(), book_.lastGood()->text());
    proven_ = false;  // nobody would notice a stranger there
    EXPECT_FALSE(connect(name, 2049)) << name;
  }
}

// A sinkhole's address, that of a mount target that is gone: it is refused, and the good one is
// tried.
TEST_F(UpstreamConnectorTest, AWrongAddressOfDnsIsFollowedByTheLastOne) {
  net::testing::FakeDns dns({{"sinkhole.test", {{"127.0.0.9"}, {}}}});
  useDns(dns.port());
  const auto listener = net::listenLoopback(0);
  served(listener->port);
  proven_ = true;
  const auto upstream = connect("sinkhole.test", listener->port);
  ASSERT_TRUE(upstream) << upstream.error().describe();
  EXPECT_EQ(upstream->peer.text(), book_.lastGood()->text());
  EXPECT_EQ(resolved_, 1U) << "told as DNS has it";
  proven_ = false;
  EXPECT_EQ(connect("sinkhole.test", listener->port).error().kind(), ErrorKind::kRefused);
}

// What DNS says wins where it serves.
TEST_F(UpstreamConnectorTest, AMovedServerIsFoundThoughTheOldOneStillListens) {
  net::testing::FakeDns dns({{"moved.test", {{"127.0.0.1"}, {}}}});
  useDns(dns.port());
  const auto listener = net::listenLoopback(0);
  book_.served(*net::Endpoint::fromLiteral("127.0.0.2", 1));
  proven_ = true;
  const auto upstream = connect("moved.test", listener->port);
  ASSERT_TRUE(upstream);
  EXPECT_EQ(upstream->peer.ip(), "127.0.0.1");
}

TEST_F(UpstreamConnectorTest, AServerThatRefusesDnsInFrontOfAGoodOneCostsNothing) {
  net::testing::FakeDns dns({{"target.test", {{"127.0.0.1"}, {}}}});
  useDns(dns.port(), "nameserver 127.0.0.2\nnameserver ::1\nnameserver 127.0.0.1\n");
  dns_.server_timeout = Duration(60000);  // whoever waits for one of them has no answer in time
  const auto listener = net::listenLoopback(0);
  ASSERT_TRUE(connect("target.test", listener->port));
}

TEST_F(UpstreamConnectorTest, AddressesThatFailAreNotedAndTriedLast) {
  net::testing::FakeDns dns({{"two.test", {{"127.0.0.9", "127.0.0.1"}, {}}}});
  useDns(dns.port());
  const auto listener = net::listenLoopback(0);
  ASSERT_TRUE(connect("two.test", listener->port));
  const std::vector<net::Endpoint> both{*net::Endpoint::fromLiteral("127.0.0.9", 1),
                                        *net::Endpoint::fromLiteral("127.0.0.1", 1)};
  EXPECT_EQ(book_.order(both, clock_.monotonic(), 16).front().ip(), "127.0.0.1");
}

TEST_F(UpstreamConnectorTest, ConnectsToALiteral) {
  const auto listener = net::listenLoopback(0);
  const auto upstream = connect("127.0.0.1", listener->port);
  ASSERT_TRUE(upstream);
  EXPECT_EQ(upstream->peer.text(), "127.0.0.1:" + std::to_string(listener->port));
  EXPECT_EQ(resolved_, 1U);
}

TEST_F(UpstreamConnectorTest, NamesTheAddressThatRefused) {
  auto listener = net::listenLoopback(0);
  const int port = listener->port;
  listener->fd.reset();
  const auto upstream = connect("127.0.0.1", port);
  ASSERT_FALSE(upstream);
  EXPECT_EQ(upstream.error().kind(), ErrorKind::kRefused);
  EXPECT_NE(upstream.error().message().find("127.0.0.1:" + std::to_string(port)),
            std::string::npos);
}

TEST_F(UpstreamConnectorTest, BadNameIsAnErrorAndNotACrash) {
  EXPECT_FALSE(connect("", 1));
  EXPECT_FALSE(connect(std::string(300, 'a'), 1));
  EXPECT_EQ(resolved_, 0U);
}

TEST_F(UpstreamConnectorTest, MayDieAtAnyTime) {
  for (int turns = 0; turns < 4; ++turns) {
    UpstreamConnector connector(*loop_, limits_, dns_);
    connector.start(
        "127.0.0.1", 1, [](const auto&) {}, [](Result<ConnectedUpstream>) {});
    for (int i = 0; i < turns; ++i) EXPECT_TRUE(loop_->runOnce(Duration{0}));
  }
  EXPECT_TRUE(loop_->runOnce(Duration{0}));
}

}  // namespace
}  // namespace efs::tls_tunnel
