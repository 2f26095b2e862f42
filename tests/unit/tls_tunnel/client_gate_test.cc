// Contract 25 item 19: who may use the tunnel.
#include "efs/tls_tunnel/client_gate.h"

#include <gtest/gtest.h>

#include "efs/base/files.h"
#include "efs/base/log.h"
#include "efs/base/text.h"
#include "efs/test_support/temp_dir.h"

namespace efs::tls_tunnel {
namespace {

using Verdict = ClientGate::Verdict;

class FakeClock final : public Clock {
 public:
  WallTime now() const override { return {}; }
  MonoTime monotonic() const override { return time; }
  MonoTime time{std::chrono::hours(1)};
};

class ClientGateTest : public testing::Test {
 protected:
  void SetUp() override {
    log::Config config;
    config.path = dir_.at("log");
    ASSERT_TRUE(log::open(config));
  }
  ClientGate gate(LocalUsers users) {
    return {std::move(users),
            [this](const net::Endpoint& local, const net::Endpoint& remote) {
              EXPECT_EQ(local.port(), 1023);
              EXPECT_EQ(remote.port(), 20049);
              return answer_;
            },
            clock_};
  }
  Verdict judge(ClientGate& gate, const Result<net::FoundOwner>& answer) {
    answer_ = answer;
    return gate.judge(*net::Endpoint::fromLiteral("127.0.0.1", 1023),
                      *net::Endpoint::fromLiteral("127.0.0.1", 20049));
  }
  static net::FoundOwner owner(uid_t uid, std::uint64_t inode, bool connected) {
    return net::SocketOwner{uid, inode, connected};
  }
  std::vector<std::string> lines() const {
    auto all = split(readFile(dir_.at("log")).value_or(""), '\n');
    all.pop_back();
    return all;
  }
  test_support::TempDir dir_;
  FakeClock clock_;
  Result<net::FoundOwner> answer_{net::FoundOwner()};
};

TEST_F(ClientGateTest, LetsInRootAndWhoIsNamed) {
  ClientGate gate = this->gate({false, {1000, 65534}});
  EXPECT_EQ(judge(gate, owner(0, 5, true)), Verdict::kWelcome);
  EXPECT_EQ(judge(gate, owner(1000, 5, true)), Verdict::kWelcome);
  EXPECT_EQ(judge(gate, owner(65534, 5, true)), Verdict::kWelcome);
  EXPECT_EQ(judge(gate, owner(1001, 5, true)), Verdict::kStranger);
  EXPECT_EQ(gate.refused(), 1U);
}

// Connect, send, close: the kernel then shows uid 0.
TEST_F(ClientGateTest, ASocketWithoutInodeIsNobodysWhateverItsUid) {
  ClientGate gate = this->gate({});
  EXPECT_EQ(judge(gate, owner(0, 0, true)), Verdict::kGone);
  EXPECT_EQ(judge(gate, owner(0, 0, false)), Verdict::kGone);
  EXPECT_EQ(judge(gate, owner(0, 5, false)), Verdict::kGone) << "not connected";
  EXPECT_EQ(judge(gate, net::FoundOwner()), Verdict::kGone) << "no socket at all";
  EXPECT_EQ(judge(gate, owner(65534, 5, false)), Verdict::kStranger);
  EXPECT_EQ(lines().size(), 1U) << "who is gone is not worth a line";
}

// Sockets by "own end > peer": what the kernel of a host knows.
class ClientGateBehindNat : public ClientGateTest {
 protected:
  Verdict judge(const std::string& peer) {
    const auto lookup = [this](const net::Endpoint& local,
                               const net::Endpoint& remote) -> Result<net::FoundOwner> {
      const auto found = sockets_.find(local.text() + " > " + remote.text());
      return found == sockets_.end() ? net::FoundOwner() : net::FoundOwner(found->second);
    };
    gate_.emplace(LocalUsers{}, lookup, clock_);
    return gate_->judge(*net::Endpoint::fromLiteral(peer, 1023),
                        *net::Endpoint::fromLiteral("127.0.0.1", 20049));
  }
  std::map<std::string, net::SocketOwner> sockets_;
  std::optional<ClientGate> gate_;
};

// Issue 11, B17: the kernel was rejected without a word.
TEST_F(ClientGateBehindNat, FindsTheClientWhoseSourceWasRewritten) {
  sockets_["127.0.0.1:1023 > 127.0.0.1:20049"] = {0, 5, true};
  sockets_["127.0.0.1:20049 > 10.0.0.5:1023"] = {0, 6, true};  // our end
  EXPECT_EQ(judge("10.0.0.5"), Verdict::kWelcome);
  sockets_["127.0.0.1:1023 > 127.0.0.1:20049"].uid = 65534;
  EXPECT_EQ(judge("10.0.0.5"), Verdict::kStranger);
}

// Connect from another address and the port of one of root's connections, send, close.
TEST_F(ClientGateBehindNat, LendsNobodyTheSocketOfAnotherConnection) {
  sockets_["127.0.0.1:1023 > 127.0.0.1:20049"] = {0, 5, true};
  sockets_["127.0.0.1:20049 > 127.0.0.1:1023"] = {0, 6, true};  // our end of root's connection
  EXPECT_EQ(judge("10.0.0.5"), Verdict::kGone);
  EXPECT_EQ(judge("127.0.0.1"), Verdict::kWelcome);
}

TEST_F(ClientGateBehindNat, TellsOnceAMinuteWhomItDidNotSee) {
  EXPECT_EQ(judge("10.0.0.5"), Verdict::kGone);
  const auto peer = *net::Endpoint::fromLiteral("10.0.0.5", 1023);
  for (int i = 0; i < 10; ++i) gate_->tellUnseen(peer);
  ASSERT_EQ(lines().size(), 1U);
  EXPECT_NE(lines()[0].find("10.0.0.5:1023"), std::string::npos);
  EXPECT_NE(lines()[0].find("NAT"), std::string::npos);
  clock_.time += std::chrono::seconds(61);
  gate_->tellUnseen(peer);
  EXPECT_EQ(lines().size(), 2U);
}

TEST_F(ClientGateTest, AnyLooksNobodyUp) {
  ClientGate gate = this->gate({true, {}});
  EXPECT_EQ(judge(gate, Error(ErrorKind::kIo, "must not be asked")), Verdict::kWelcome);
}

TEST_F(ClientGateTest, WhoCannotBeLookedUpIsRefusedAndTheLogTellsWhatHelps) {
  ClientGate gate = this->gate({});
  EXPECT_EQ(judge(gate, Error(ErrorKind::kIo, "no table")), Verdict::kStranger);
  ASSERT_EQ(lines().size(), 1U);
  EXPECT_NE(lines()[0].find("no table"), std::string::npos);
  EXPECT_NE(lines()[0].find("allow_local_uids = any"), std::string::npos);
}

TEST_F(ClientGateTest, LogsEachStrangerOnceAMinute) {
  ClientGate gate = this->gate({});
  for (int i = 0; i < 100; ++i) judge(gate, owner(1000, 5, true));
  judge(gate, owner(1001, 5, true));
  EXPECT_EQ(lines().size(), 2U);
  clock_.time += std::chrono::seconds(61);
  judge(gate, owner(1000, 5, true));
  ASSERT_EQ(lines().size(), 3U);
  EXPECT_NE(lines()[2].find("99 more"), std::string::npos) << lines()[2];
  EXPECT_EQ(gate.refused(), 102U);
}

TEST_F(ClientGateTest, ManyStrangersNeitherFillTheMemoryNorTheLog) {
  ClientGate gate = this->gate({});
  for (uid_t uid = 1; uid < 5000; ++uid) judge(gate, owner(uid, 5, true));
  EXPECT_EQ(lines().size(), 65U);
}

}  // namespace
}  // namespace efs::tls_tunnel
