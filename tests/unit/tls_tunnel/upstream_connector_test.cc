#include "efs/tls_tunnel/upstream_connector.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "efs/test_support/real_clock.h"
#include "efs/test_support/temp_dir.h"

namespace efs::tls_tunnel {
namespace {

std::vector<net::Endpoint> endpoints(const std::vector<std::string>& addresses) {
  std::vector<net::Endpoint> all;
  for (const auto& address : addresses) all.push_back(*net::Endpoint::fromLiteral(address, 2049));
  return all;
}

std::vector<std::string> texts(const std::vector<net::Endpoint>& all) {
  std::vector<std::string> addresses;
  for (const auto& endpoint : all) addresses.push_back(endpoint.ip());
  return addresses;
}

// RFC 8305 section 4
TEST(UpstreamConnector, FamiliesTakeTurnsBeginningWithTheFirst) {
  EXPECT_EQ(texts(interleaveFamilies(endpoints({"fd00::1", "fd00::2", "10.0.0.1"}), 16)),
            std::vector<std::string>({"fd00::1", "10.0.0.1", "fd00::2"}));
  EXPECT_EQ(texts(interleaveFamilies(endpoints({"10.0.0.1", "10.0.0.2"}), 16)),
            std::vector<std::string>({"10.0.0.1", "10.0.0.2"}));
  EXPECT_TRUE(interleaveFamilies({}, 16).empty());
}

// RFC 8305 section 4: the winner of last time
TEST(UpstreamConnector, WhatConnectedLastTimeComesFirst) {
  const auto all = endpoints({"fd00::1", "10.0.0.1", "fd00::2", "10.0.0.2"});
  const auto order = [&](const char* winner) {
    return texts(winnerFirst(all, net::Endpoint::fromLiteral(winner, 2049)));
  };
  EXPECT_EQ(order("10.0.0.2"),
            std::vector<std::string>({"10.0.0.2", "10.0.0.1", "fd00::1", "fd00::2"}));
  EXPECT_EQ(order("10.0.0.9"),
            std::vector<std::string>({"10.0.0.1", "10.0.0.2", "fd00::1", "fd00::2"}));
  EXPECT_EQ(texts(winnerFirst(all, std::nullopt)), texts(all));
  EXPECT_TRUE(winnerFirst({}, all[0]).empty());
}

TEST(UpstreamConnector, TakesNoMoreAddressesThanTheLimit) {
  EXPECT_EQ(interleaveFamilies(endpoints({"10.0.0.1", "10.0.0.2", "fd00::1"}), 2).size(), 2U);
}

class UpstreamConnectorTest : public testing::Test {
 protected:
  Result<ConnectedUpstream> connect(const std::string& host, int port) {
    UpstreamConnector connector(*loop_, limits_, dns_);
    connector.prefer(winner_, without_dns_);
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
    dns_.resolv_conf = dir_.write("resolv.conf", "nameserver 127.0.0.1\n");
    dns_.dns_port = ntohs(bound.sin_port);
    limits_.resolve = Duration{0};
  }
  const test_support::TempDir dir_;
  UniqueFd silent_;
  net::Resolver::Options dns_;
  const test_support::RealClock clock_{"connections on the loopback"};
  Limits limits_;
  std::unique_ptr<io::EventLoop> loop_ = std::move(*io::EventLoop::create(clock_));
  std::optional<net::Endpoint> winner_;
  bool without_dns_ = false;
  std::size_t resolved_ = 0;
};

// Field: a connection breaks while DNS is down.
TEST_F(UpstreamConnectorTest, SilentDnsLeadsToTheLastAddress) {
  const auto listener = net::listenLoopback(0);
  silenceDns();
  winner_ = net::Endpoint::fromLiteral("127.0.0.1", static_cast<std::uint16_t>(listener->port));
  without_dns_ = true;
  const auto upstream = connect("silent.example", 2049);
  ASSERT_TRUE(upstream) << upstream.error().describe();
  EXPECT_EQ(upstream->peer.text(), winner_->text());
}

TEST_F(UpstreamConnectorTest, SilentDnsIsAnErrorWhereNobodyProvesWhoTheServerIs) {
  const auto listener = net::listenLoopback(0);
  silenceDns();
  winner_ = net::Endpoint::fromLiteral("127.0.0.1", static_cast<std::uint16_t>(listener->port));
  const auto upstream = connect("silent.example", 2049);
  ASSERT_FALSE(upstream);
  EXPECT_EQ(upstream.error().kind(), ErrorKind::kTimeout);
  EXPECT_EQ(resolved_, 0U);
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
