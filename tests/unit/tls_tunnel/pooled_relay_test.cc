// Whole records over several connections: where they go, what comes back, and what a loss does; in
// the end a simulation in which connections trickle, stand still, join and die at random, and each
// call is answered once.
#include "efs/tls_tunnel/upstream/pooled_relay.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <random>
#include <set>

#include "efs/base/text.h"
#include "efs/rpc/message.h"
#include "efs/rpc/record.h"
#include "efs/rpc/xdr.h"
#include "memory_transport.h"

namespace efs::tls_tunnel {
namespace {

using Outcome = ByteMover::Outcome;

constexpr std::uint32_t kSequence = 53;
constexpr std::uint32_t kCreateSession = 43;

std::string call(std::uint32_t xid, std::uint32_t operation = kSequence, std::size_t size = 64) {
  rpc::XdrWriter out;
  rpc::writeCall(out, {xid, rpc::kNfsProgram, rpc::kNfsVersion4, 1}, "host");
  for (const std::uint32_t word : {0U, 1U, 1U, operation}) out.u32(word);
  return rpc::wrapRecord(out.bytes() + std::string(size, 'c'));
}

std::string reply(std::uint32_t xid, std::size_t size = 40) {
  rpc::XdrWriter out;
  for (const std::uint32_t word : {xid, 1U, 0U, 0U, 0U, 0U}) out.u32(word);
  return rpc::wrapRecord(out.bytes() + std::string(size, 'r'));
}

// The messages of a stream; nothing but whole records may be there.
std::vector<std::string> messages(std::string_view stream) {
  std::vector<std::string> all;
  rpc::RecordReader reader;
  while (!stream.empty()) {
    const auto taken = reader.feed(stream);
    if (!taken) break;
    stream.remove_prefix(*taken);
    if (reader.complete()) all.emplace_back(reader.record());
  }
  EXPECT_TRUE(reader.betweenRecords()) << "a piece of a record at the end";
  return all;
}

std::vector<std::uint32_t> xids(std::string_view stream) {
  std::vector<std::uint32_t> all;
  for (const auto& message : messages(stream)) all.push_back(rpc::readPrefix(message)->xid);
  return all;
}

using Xids = std::vector<std::uint32_t>;

class PooledRelayTest : public testing::Test {
 protected:
  explicit PooledRelayTest(std::size_t connections = 3) {
    for (std::size_t i = 1; i < connections; ++i) {
      auto transport = std::make_unique<MemoryTransport>();
      others_.push_back(transport.get());
      relay_.add(std::move(transport));
    }
  }
  MemoryTransport& on(std::size_t i) { return i == 0 ? first_ : *others_[i - 1]; }

  const Limits limits_;
  MemoryTransport client_;
  MemoryTransport first_;
  std::vector<MemoryTransport*> others_;
  CallTracker calls_;
  PooledRelay relay_{client_, first_, limits_, &calls_};
};

TEST(ChooseChannel, TakesTheLeastLoadedThatTakesRecords) {
  using Loads = std::vector<ChannelLoad>;
  EXPECT_EQ(chooseChannel(Loads{}), std::nullopt);
  EXPECT_EQ(chooseChannel(Loads{{false, 0}, {false, 1}}), std::nullopt);
  EXPECT_EQ(chooseChannel(Loads{{true, 5}, {true, 3}, {true, 3}}), 1U);
  EXPECT_EQ(chooseChannel(Loads{{true, 5}, {false, 0}, {true, 6}}), 0U);
}

TEST_F(PooledRelayTest, SpreadsWholeCallsByWhatIsOutstanding) {
  for (std::uint32_t xid = 1; xid <= 6; ++xid) client_.input += call(xid);
  EXPECT_EQ(relay_.pump(), Outcome::kWaiting);
  EXPECT_EQ(xids(on(0).output), (Xids{1, 4}));
  EXPECT_EQ(xids(on(1).output), (Xids{2, 5}));
  EXPECT_EQ(xids(on(2).output), (Xids{3, 6}));
  on(1).input += reply(2) + reply(5);
  client_.input += call(7);
  relay_.pump();
  EXPECT_EQ(xids(client_.output), (Xids{2, 5}));
  // What was answered in the same turn counts already or from the next on.
  client_.input += call(8) + call(9);
  relay_.pump();
  EXPECT_EQ(xids(on(1).output).size(), 4U);
}

TEST_F(PooledRelayTest, KeepsOnTheFirstWhatMayNotGoElsewhere) {
  for (std::uint32_t xid = 1; xid <= 9; ++xid) client_.input += call(xid, kCreateSession);
  client_.input += reply(77);  // to a call of the server's
  relay_.pump();
  EXPECT_EQ(xids(on(0).output), (Xids{1, 2, 3, 4, 5, 6, 7, 8, 9, 77}));
}

TEST_F(PooledRelayTest, LeavesAConnectionThatTakesNothingToItself) {
  on(1).room = 10;
  for (std::uint32_t xid = 1; xid <= 60; ++xid) client_.input += call(xid);
  relay_.pump();
  EXPECT_EQ(xids(on(0).output).size() + xids(on(2).output).size(), 59U);
  on(1).room = MemoryTransport::kNever;
  relay_.pump();
  EXPECT_EQ(xids(on(1).output), Xids{2});
}

TEST_F(PooledRelayTest, PassesRepliesRecordByRecordWhateverStandsStillInTheMiddle) {
  for (std::uint32_t xid = 1; xid <= 3; ++xid) client_.input += call(xid);
  relay_.pump();
  on(0).input = reply(1, 5000).substr(0, 4000);
  on(1).input = reply(2, 5000);
  client_.step = 100;
  relay_.pump();
  EXPECT_EQ(xids(client_.output), Xids{2});
  on(0).input = reply(1, 5000);
  on(2).input = reply(3);
  relay_.pump();
  EXPECT_EQ(xids(client_.output).size(), 3U);
  EXPECT_EQ(calls_.outstanding(), 0U);
}

TEST_F(PooledRelayTest, CarriesTheLargestRecordsByTheByte) {
  client_.step = 5000;
  client_.blocks_between = true;
  for (std::uint32_t xid = 1; xid <= 4; ++xid) client_.input += call(xid, kSequence, 1 << 20);
  for (int i = 0; i < 5000; ++i) relay_.pump();
  Xids all;
  for (std::size_t i = 0; i < 3; ++i)
    for (const auto xid : xids(on(i).output)) all.push_back(xid);
  EXPECT_EQ(std::set<std::uint32_t>(all.begin(), all.end()).size(), 4U);
}

TEST_F(PooledRelayTest, OfALostCallTheOthersAnswerFirstAndThenTheClientIsReset) {
  for (std::uint32_t xid = 1; xid <= 6; ++xid) client_.input += call(xid);
  relay_.pump();
  on(1).ends = true;
  EXPECT_EQ(relay_.pump(), Outcome::kWaiting);
  EXPECT_TRUE(relay_.closing());
  client_.input += call(7);
  on(0).input += reply(1) + reply(4);
  EXPECT_EQ(relay_.pump(), Outcome::kWaiting);
  EXPECT_EQ(xids(client_.output), (Xids{1, 4}));
  on(2).input += reply(3) + reply(6);
  EXPECT_EQ(relay_.pump(), Outcome::kCallsLost);
  EXPECT_EQ(xids(client_.output), (Xids{1, 4, 3, 6}));
  EXPECT_EQ(relay_.error().kind(), ErrorKind::kReset);
}

TEST_F(PooledRelayTest, AFurtherConnectionWithNothingUnansweredJustLeaves) {
  client_.input = call(1) + call(2);
  relay_.pump();
  on(1).input = reply(2);
  on(1).ends = true;
  EXPECT_EQ(relay_.pump(), Outcome::kWaiting);
  EXPECT_EQ(xids(client_.output), Xids{2});
  EXPECT_EQ(relay_.connections(), 2U);
  EXPECT_EQ(relay_.takeLeft().size(), 1U);
  EXPECT_FALSE(relay_.closing());
}

TEST_F(PooledRelayTest, TheEndOfTheFirstIsTheEnd) {
  on(0).ends = true;
  EXPECT_EQ(relay_.pump(), Outcome::kUpstreamClosed);
}

TEST_F(PooledRelayTest, ReplyThatNobodyAskedForOnThatConnectionIsNotPassedOn) {
  client_.input = call(1) + call(2);
  relay_.pump();
  on(1).input = reply(1);
  EXPECT_EQ(relay_.pump(), Outcome::kWaiting);
  EXPECT_EQ(client_.output, "");
  on(0).input = reply(1);
  EXPECT_EQ(relay_.pump(), Outcome::kCallsLost);
  EXPECT_EQ(xids(client_.output), Xids{1});
}

TEST_F(PooledRelayTest, RetiredConnectionsFinishWhatTheyHave) {
  for (std::uint32_t xid = 1; xid <= 3; ++xid) client_.input += call(xid);
  relay_.pump();
  relay_.retireOthers();
  on(1).input = reply(2);
  client_.input += call(4) + call(5);
  relay_.pump();
  EXPECT_EQ(relay_.connections(), 2U);
  EXPECT_EQ(xids(on(0).output), (Xids{1, 4, 5}));
  on(2).input = reply(3);
  relay_.pump();
  EXPECT_EQ(relay_.connections(), 1U);
  EXPECT_EQ(xids(client_.output), (Xids{2, 3}));
}

TEST_F(PooledRelayTest, PassesTheClientsEndToAll) {
  client_.input = call(1);
  client_.ends = true;
  EXPECT_EQ(relay_.pump(), Outcome::kWaiting);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_TRUE(on(i).finished) << i;
  on(0).input = reply(1);
  for (std::size_t i = 0; i < 3; ++i) on(i).ends = true;
  EXPECT_EQ(relay_.pump(), Outcome::kFinished);
  EXPECT_EQ(xids(client_.output), Xids{1});
}

TEST_F(PooledRelayTest, BytesThatAreNoRecordsEndIt) {
  client_.input = std::string(100, '\x7f');
  EXPECT_EQ(relay_.pump(), Outcome::kCallsLost);
}

// One life of the kernel's connection: calls of `pending` over connections that come and go.
class Life {
 public:
  Life(std::mt19937& random, std::vector<std::uint32_t>& pending)
      : random_(random), pending_(pending) {
    client_.step = 1 + random_() % 3000;
    first_.step = 1 + random_() % 3000;
    servers_.push_back({&first_, {}, {}});
    for (const std::uint32_t xid : pending_) send(xid);
  }
  // Until all is answered or calls are lost; what was answered leaves `pending`.
  void run() {
    for (int turn = 0; turn < 4000 && !over_; ++turn) {
      disturb();
      serve();
      const Outcome outcome = relay_.pump();
      forget(relay_.takeLeft());
      hear();
      over_ = pending_.empty() || (outcome != Outcome::kWaiting && outcome != Outcome::kMore);
    }
    ASSERT_TRUE(over_) << "it stands still";
  }

 private:
  struct Server {
    MemoryTransport* transport;
    std::size_t read = 0;
    std::vector<std::uint32_t> unanswered;
  };
  void send(std::uint32_t xid) {
    const bool free = random_() % 8 != 0;
    if (!free) first_only_.insert(xid);
    client_.input += call(xid, free ? kSequence : kCreateSession, random_() % 5000);
  }
  void disturb() {
    const std::size_t what = random_() % 100;
    if (what < 10 && servers_.size() < 5) {
      auto transport = std::make_unique<MemoryTransport>();
      transport->step = 1 + random_() % 5000;
      servers_.push_back({transport.get(), 0, {}});
      relay_.add(std::move(transport));
    }
    Server& server = servers_[random_() % servers_.size()];
    if (what == 10) server.transport->ends = true;
    if (what == 11) server.transport->break_reading_at = server.transport->input.size();
    if (what == 12) server.transport->break_writing_at = server.transport->output.size();
    if (what == 13) relay_.retireOthers();
    if (what >= 14 && what < 30) {
      const bool still = server.transport->room != MemoryTransport::kNever;
      server.transport->room = still ? MemoryTransport::kNever : server.transport->output.size();
    }
    if (what >= 90) client_.room = client_.output.size() + random_() % 2000;
    if (what >= 95) client_.room = MemoryTransport::kNever;
  }
  // Reads whole calls, answers some of them in any order.
  void serve() {
    for (Server& server : servers_) {
      const std::string& output = server.transport->output;
      while (output.size() - server.read >= rpc::kMarkSize) {
        rpc::XdrReader in(std::string_view(output).substr(server.read));
        const std::size_t length = rpc::RecordMark::decode(in.u32()).length;
        if (in.left() < length) break;
        const std::uint32_t xid = in.u32();
        EXPECT_TRUE(arrived_.insert(xid).second) << "a call that came twice";
        EXPECT_TRUE(server.transport == &first_ || !first_only_.contains(xid));
        server.unanswered.push_back(xid);
        server.read += rpc::kMarkSize + length;
      }
      const bool open =
          !server.transport->ends && server.transport->break_reading_at == MemoryTransport::kNever;
      while (open && !server.unanswered.empty() && random_() % 3 != 0) {
        const auto at = server.unanswered.begin() +
                        static_cast<std::ptrdiff_t>(random_() % server.unanswered.size());
        server.transport->input += reply(*at, random_() % 6000);
        server.unanswered.erase(at);
      }
    }
  }
  void hear() {
    while (client_.output.size() - heard_ >= rpc::kMarkSize) {
      rpc::XdrReader in(std::string_view(client_.output).substr(heard_));
      const std::size_t length = rpc::RecordMark::decode(in.u32()).length;
      if (in.left() < length) return;
      const auto found = std::find(pending_.begin(), pending_.end(), in.u32());
      ASSERT_NE(found, pending_.end()) << "an answer to nothing, or a second one";
      pending_.erase(found);
      heard_ += rpc::kMarkSize + length;
    }
  }
  void forget(const std::vector<std::unique_ptr<io::Transport>>& left) {
    for (const auto& transport : left)
      std::erase_if(servers_,
                    [&](const Server& server) { return server.transport == transport.get(); });
  }

  std::mt19937& random_;
  std::vector<std::uint32_t>& pending_;
  const Limits limits_;
  MemoryTransport client_;
  MemoryTransport first_;
  CallTracker calls_;
  PooledRelay relay_{client_, first_, limits_, &calls_};
  std::vector<Server> servers_;
  std::set<std::uint32_t> first_only_;
  std::set<std::uint32_t> arrived_;
  std::size_t heard_ = 0;
  bool over_ = false;
};

// EFS_SEEDS: how many; each is 40 calls.
TEST(PooledRelaySimulation, EachCallIsAnsweredOnceOnALivingConnection) {
  const char* wanted = std::getenv("EFS_SEEDS");
  const auto seeds = static_cast<unsigned>(parseInt(wanted != nullptr ? wanted : "").value_or(300));
  std::size_t lives = 0;
  for (unsigned seed = 0; seed < seeds; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random(seed);
    std::vector<std::uint32_t> pending;
    for (std::uint32_t xid = 1; xid <= 40; ++xid) pending.push_back(xid);
    for (int life = 0; life < 500 && !pending.empty(); ++life, ++lives) Life(random, pending).run();
    ASSERT_TRUE(pending.empty());
    ASSERT_FALSE(HasFailure());
  }
  EXPECT_GT(lives, seeds) << "connections were lost with calls";
}

}  // namespace
}  // namespace efs::tls_tunnel
