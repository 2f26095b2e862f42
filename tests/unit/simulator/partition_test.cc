#include "partition.h"

#include <gtest/gtest.h>

namespace efs::simulator {
namespace {

std::string words(std::initializer_list<std::uint32_t> values) {
  std::string out;
  for (const auto value : values) {
    for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift & 0xffU);
  }
  return out;
}

std::string record(const std::string& body) {
  return words({0x80000000U | static_cast<std::uint32_t>(body.size())}) + body;
}

std::string session(char name) { return std::string(16, name); }

std::string bindCall() {
  return record(words({7, 0, 2, 400123, 1, 2, 0, 0, 0, 0, 16}) + std::string(16, 'i') +
                words({8, 0, 1}));
}
// CALL of COMPOUND, no credential, no tag, minor version 1, one operation.
std::string compound(std::uint32_t xid, std::uint32_t operation, const std::string& rest) {
  return record(words({xid, 0, 2, 100003, 4, 1, 0, 0, 0, 0, 0, 1, 1, operation}) + rest);
}
std::string sessionMade(std::uint32_t xid, const std::string& id) {
  return record(words({xid, 1, 0, 0, 0, 0, 0, 0, 1, 43, 0}) + id + words({1, 0}));
}
std::string badSession(std::uint32_t xid, std::uint32_t operation) {
  return record(words({xid, 1, 0, 0, 0, 0, 10052, 0, 1, operation, 10052}));
}

// One connection.
struct Client {
  Client(SessionTable& sessions, BindScript& script)
      : filter(terms, fs, script, sessions,
               {[this](const Binding& made) { binding = made; },
                [this](bool first) { ++(first ? first_only : calls); }, [this] { ++bad; }}) {}

  // What the server gets.
  std::string call(const std::string& bytes) {
    std::string out;
    EXPECT_TRUE(filter.calls().feed(bytes, out));
    return out;
  }
  std::string reply(const std::string& bytes) {
    std::string out;
    EXPECT_TRUE(filter.replies().feed(bytes, out));
    return out;
  }

  Partitions terms{2, 5, 1000, 1, 1};
  std::string fs = "fs-1";
  Binding binding;
  int calls = 0;
  int first_only = 0;
  int bad = 0;
  PartitionFilter filter;
};

class PartitionFilterTest : public testing::Test {
 protected:
  std::unique_ptr<Client> bound(int partition) {
    EXPECT_TRUE(script_.set({"ready=" + std::to_string(partition)}));
    auto client = std::make_unique<Client>(sessions_, script_);
    EXPECT_EQ(client->call(bindCall()), "");
    EXPECT_EQ(client->filter.takeAnswers().size(), 4U + 24 + 4 + 64 + 16);
    return client;
  }
  SessionTable sessions_;
  BindScript script_{2};
};

TEST_F(PartitionFilterTest, KnowsASessionWhereItWasMadeAndRefusesItElsewhere) {
  const auto first = bound(0), same = bound(0), other = bound(1);
  EXPECT_EQ(first->call(compound(8, 43, "")), compound(8, 43, ""));
  EXPECT_EQ(first->reply(sessionMade(8, session('s'))), sessionMade(8, session('s')));
  const std::string use = compound(9, 53, session('s') + words({1, 0, 0, 0}));
  EXPECT_EQ(same->call(use), use);
  EXPECT_EQ(other->call(use), "");
  EXPECT_EQ(other->filter.takeAnswers(), badSession(9, 53));
  EXPECT_EQ(other->bad, 1);
  for (const std::uint32_t operation : {41U, 44U}) {
    EXPECT_EQ(other->call(compound(10, operation, session('s') + words({0, 0}))), "");
    EXPECT_EQ(other->filter.takeAnswers(), badSession(10, operation));
  }
}

TEST_F(PartitionFilterTest, CountsWhatOnlyTheFirstMayCarry) {
  const auto client = bound(0);
  client->call(compound(8, 42, ""));
  client->call(record(words({9, 0, 2, 100003, 4, 0, 0, 0, 0, 0})));  // NULL
  client->call(record(words({10, 1, 0, 0, 0, 0})));                  // an answer to the server
  client->call(compound(11, 53, session('u') + words({1, 0, 0, 0})));
  EXPECT_EQ(client->first_only, 3);
  EXPECT_EQ(client->calls, 1);
}

TEST_F(PartitionFilterTest, PassesEverythingOnWhereNothingIsBound) {
  Client client(sessions_, script_);
  const std::string bytes = compound(8, 43, "") + bindCall() + record("x");
  EXPECT_EQ(client.call(bytes), bytes) << "only the first call can bind";
  EXPECT_EQ(client.reply(sessionMade(8, session('n'))), sessionMade(8, session('n')));
  EXPECT_TRUE(sessions_.knownTo(session('n'), 1));
}

TEST_F(PartitionFilterTest, TellsWhoWasBound) {
  const auto client = bound(1);
  EXPECT_EQ(client->binding.answer, "ready");
  EXPECT_EQ(client->binding.partition, 1);
  EXPECT_EQ(client->binding.incarnation, 1U);
  EXPECT_EQ(client->binding.identifier, "69696969696969696969696969696969");
}

TEST(BindScriptTest, GivesTheLastAnswerForEverAndRefusesWhatIsNone) {
  BindScript script(2);
  ASSERT_TRUE(script.set({"retry", "ready=1", "ready"}));
  EXPECT_EQ(script.next().word, "retry");
  EXPECT_EQ(script.next().partition, 1);
  const int third = script.next().partition;
  EXPECT_EQ(script.next().partition, 1 - third);
  EXPECT_FALSE(script.set({"ready=2"}));
  EXPECT_FALSE(script.set({"retry=1"}));
  EXPECT_FALSE(script.set({"maybe"}));
}

}  // namespace
}  // namespace efs::simulator
