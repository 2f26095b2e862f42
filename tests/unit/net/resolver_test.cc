#include "efs/net/resolver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <chrono>

#include "efs/test_support/real_clock.h"
#include "efs/test_support/temp_dir.h"
#include "fake_dns.h"

namespace efs::net {
namespace {

using test_support::TempDir;
using ::testing::AllOf;
using ::testing::ElementsAre;
using testing::FakeDns;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;
using testing::Zones;

constexpr Duration kPatience{10000};
const test_support::RealClock kClock("a DNS server in a thread of its own");

std::vector<std::string> texts(const Result<Resolver::Addresses>& addresses) {
  std::vector<std::string> out;
  if (!addresses) return {"error: " + addresses.error().message()};
  for (const auto& endpoint : *addresses) out.push_back(endpoint.text());
  return out;
}

struct ResolverTest : ::testing::Test {
  TempDir dir;
  std::string resolv_conf = dir.write("resolv.conf", "nameserver 127.0.0.1\n");
  Resolver make(std::uint16_t port, Duration server_timeout = Duration(2000)) const {
    auto resolver = Resolver::create({resolv_conf, port, server_timeout, Duration(30)});
    if (!resolver) std::abort();
    return std::move(*resolver);
  }
};

TEST_F(ResolverTest, LiteralNeedsNoServer) {
  auto resolver = make(1);
  EXPECT_THAT(texts(resolver.resolve("10.0.0.1", 2049, kClock, kPatience)),
              ElementsAre("10.0.0.1:2049"));
  EXPECT_THAT(texts(resolver.resolve("fd00::1", 2049, kClock, kPatience)),
              ElementsAre("[fd00::1]:2049"));
}

TEST_F(ResolverTest, AsksBothFamilies) {
  FakeDns dns(Zones{{"fs-1.efs.test", {{"127.0.0.7", "127.0.0.8"}, {"::1"}}}});
  auto resolver = make(dns.port());
  EXPECT_THAT(texts(resolver.resolve("fs-1.efs.test", 2049, kClock, kPatience)),
              UnorderedElementsAre("127.0.0.7:2049", "127.0.0.8:2049", "[::1]:2049"));
}

// DNS-4: the second try of a name is the name with a trailing dot.
TEST_F(ResolverTest, TrailingDotIsTheSameName) {
  FakeDns dns(Zones{{"fs-1.efs.test", {{"127.0.0.7"}, {}}}});
  auto resolver = make(dns.port());
  EXPECT_THAT(texts(resolver.resolve("fs-1.efs.test.", 2049, kClock, kPatience)),
              ElementsAre("127.0.0.7:2049"));
}

// DNS-4: a name with a dot is absolute; a wildcard in a search domain must not answer for it.
TEST_F(ResolverTest, ANameWithADotIsNeverSearched) {
  resolv_conf =
      dir.write("search.conf", "nameserver 127.0.0.1\nsearch corp.test\noptions ndots:5\n");
  FakeDns dns(Zones{{"fs-1.efs.test.corp.test", {{"127.0.0.9"}, {}}},
                    {"fs-2.efs.test", {{"127.0.0.7"}, {}}}});
  auto resolver = make(dns.port());
  EXPECT_EQ(resolver.resolve("fs-1.efs.test", 1, kClock, kPatience).error().kind(),
            ErrorKind::kNotFound);
  EXPECT_EQ(dns.questions(), 2);  // both families, no more
  EXPECT_THAT(texts(resolver.resolve("fs-2.efs.test", 1, kClock, kPatience)),
              ElementsAre("127.0.0.7:1"));
  EXPECT_EQ(dns.questions(), 4);
}

TEST_F(ResolverTest, AShortNameIsSearchedWhereWanted) {
  resolv_conf = dir.write("search.conf", "nameserver 127.0.0.1\nsearch corp.test\n");
  FakeDns dns(Zones{{"nas.corp.test", {{"127.0.0.9"}, {}}}});
  EXPECT_FALSE(make(dns.port()).resolve("nas", 1, kClock, kPatience));
  auto searching = Resolver::create({resolv_conf, dns.port(), Duration(2000), Duration(30), true});
  ASSERT_TRUE(searching);
  EXPECT_THAT(texts(searching->resolve("nas", 1, kClock, kPatience)), ElementsAre("127.0.0.9:1"));
}

// DEV-3
TEST_F(ResolverTest, TellsTheNameAtTheEndOfTheAliases) {
  FakeDns dns(Zones{{"files.test", {{}, {}, false, false, false, "middle.test"}},
                    {"middle.test", {{}, {}, false, false, false, "fs-1.efs.test"}},
                    {"fs-1.efs.test", {{"127.0.0.7"}, {}}}});
  auto resolver = make(dns.port());
  const auto found = resolver.resolveNamed("Files.test", 1, kClock, kPatience);
  ASSERT_TRUE(found) << found.error().message();
  EXPECT_EQ(found->canonical_name, "fs-1.efs.test");
  EXPECT_THAT(texts(found->addresses), ElementsAre("127.0.0.7:1"));
  EXPECT_EQ(resolver.resolveNamed("FS-1.efs.test", 1, kClock, kPatience)->canonical_name,
            "fs-1.efs.test");
}

// A program may do something else between the question and the answer.
TEST_F(ResolverTest, RepliesWaitUntilTheyAreWanted) {
  FakeDns dns(Zones{{"a.test", {{"127.0.0.7"}, {}}}, {"b.test", {{"127.0.0.8"}, {}}}});
  auto resolver = make(dns.port());
  std::vector<std::string> got;
  for (const char* name : {"a.test", "b.test"}) {
    resolver.start(name, 1, [&got](const Result<Resolver::Addresses>& addresses) {
      got.push_back(texts(addresses).front());
    });
  }
  const Deadline deadline(kClock, kPatience);
  ASSERT_TRUE(resolver.serveUntil([&got] { return got.size() == 2; }, deadline));
  EXPECT_THAT(got, UnorderedElementsAre("127.0.0.7:1", "127.0.0.8:1"));
}

// RFC 6724 rule 1: without a route an address is useless, here in a documentation prefix.
TEST_F(ResolverTest, AddressWithoutRouteComesLast) {
  FakeDns dns(Zones{{"both.test", {{"127.0.0.7"}, {"2001:db8::1"}}}});
  auto resolver = make(dns.port());
  EXPECT_EQ(texts(resolver.resolve("both.test", 1, kClock, kPatience)).front(), "127.0.0.7:1");
}

TEST_F(ResolverTest, UnknownNameIsNotFoundAndNamed) {
  FakeDns dns(Zones{});
  auto resolver = make(dns.port());
  const auto result = resolver.resolve("fs-gone.efs.test", 2049, kClock, kPatience);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind(), ErrorKind::kNotFound);
  EXPECT_THAT(result.error().message(), HasSubstr("\"fs-gone.efs.test\""));
}

TEST_F(ResolverTest, NameWithoutAddressIsNotFound) {
  FakeDns dns(Zones{{"empty.test", {}}});
  auto resolver = make(dns.port());
  const auto result = resolver.resolve("empty.test", 2049, kClock, kPatience);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind(), ErrorKind::kNotFound);
}

TEST_F(ResolverTest, FailingServerIsUnreachable) {
  FakeDns dns(Zones{{"broken.test", {{}, {}, false, false, true}}});
  auto resolver = make(dns.port(), Duration(200));
  const auto result = resolver.resolve("broken.test", 2049, kClock, kPatience);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind(), ErrorKind::kUnreachable) << result.error().message();
  EXPECT_THAT(result.error().hint(), HasSubstr("resolv.conf"));
}

TEST_F(ResolverTest, NoServerAtAllIsUnreachableAndQuick) {
  auto resolver = make(1);
  const auto result = resolver.resolve("fs-1.efs.test", 2049, kClock, kPatience);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind(), ErrorKind::kUnreachable) << result.error().message();
}

TEST_F(ResolverTest, SilentServerIsATimeoutAtTheDeadline) {
  FakeDns dns(Zones{{"slow.test", {{}, {}, true, true}}});
  auto resolver = make(dns.port());
  const auto result = resolver.resolve("slow.test", 2049, kClock, Duration(50));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind(), ErrorKind::kTimeout);
  EXPECT_THAT(result.error().message(), AllOf(HasSubstr("slow.test"), HasSubstr("50 ms")));
  EXPECT_FALSE(resolver.timeout());
}

TEST_F(ResolverTest, SilentServerIsATimeoutAfterTwoTriesEach) {
  FakeDns dns(Zones{{"slow.test", {{}, {}, true, true}}});
  auto resolver = make(dns.port(), Duration(20));
  const auto result = resolver.resolve("slow.test", 2049, kClock, kPatience);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind(), ErrorKind::kTimeout);
}

// A firewall that drops AAAA questions must not make the A answer wait for all its retries: a dead
// family costs at most 300 ms; a server's time is longer here than the patience.
TEST_F(ResolverTest, OneSilentFamilyDoesNotHideTheOther) {
  FakeDns dns(Zones{{"half.test", {{"127.0.0.7"}, {}, false, true}},
                    {"other.test", {{}, {"::1"}, true, false}}});
  auto resolver = make(dns.port(), Duration(60000));
  EXPECT_THAT(texts(resolver.resolve("half.test", 1, kClock, kPatience)),
              ElementsAre("127.0.0.7:1"));
  EXPECT_THAT(texts(resolver.resolve("other.test", 1, kClock, kPatience)), ElementsAre("[::1]:1"));
}

TEST_F(ResolverTest, RefusesWhatIsNoName) {
  using namespace std::string_literals;
  auto resolver = make(1);
  for (const auto& name :
       {""s, std::string(255, 'a'), "a\0b"s, "a..b"s, std::string(64, 'a') + ".b"}) {
    const auto result = resolver.resolve(name, 1, kClock, kPatience);
    ASSERT_FALSE(result) << name;
    EXPECT_EQ(result.error().kind(), ErrorKind::kInvalidInput) << result.error().message();
  }
}

TEST_F(ResolverTest, KnowsTheHostsFile) {
  auto resolver = make(1);
  const auto result = texts(resolver.resolve("localhost", 2049, kClock, kPatience));
  EXPECT_THAT(result, ::testing::Contains("127.0.0.1:2049"));
}

// A tunnel lives for months; DHCP changes the servers meanwhile.
TEST_F(ResolverTest, ReadsResolvConfAgainAfterAChange) {
  FakeDns dns(Zones{{"fs-1.efs.test", {{"127.0.0.7"}, {}}}});
  dir.write("resolv.conf", "nameserver 127.0.0.77\n");  // nobody there
  auto resolver = make(dns.port(), Duration(100));
  EXPECT_FALSE(resolver.resolve("fs-1.efs.test", 1, kClock, kPatience));
  dir.write("resolv.conf", "# changed\nnameserver 127.0.0.1\n");
  EXPECT_THAT(texts(resolver.resolve("fs-1.efs.test", 1, kClock, kPatience)),
              ElementsAre("127.0.0.7:1"));
}

TEST_F(ResolverTest, EventLoopIsToldWhatToWatchAndGetsEachAnswerOnce) {
  FakeDns dns(Zones{{"a.test", {{"127.0.0.7"}, {}}}, {"b.test", {{"127.0.0.8"}, {}}}});
  auto resolver = make(dns.port());
  EXPECT_TRUE(resolver.sockets().empty());
  EXPECT_FALSE(resolver.timeout());
  std::vector<std::string> answers;
  const auto note = [&](const Result<Resolver::Addresses>& result) {
    answers.push_back(texts(result).front());
  };
  resolver.start("a.test", 1, [&](Result<Resolver::Addresses> result) {
    note(result);
    resolver.start("b.test", 2, note);  // a query out of a callback
  });
  EXPECT_FALSE(resolver.sockets().empty());
  EXPECT_TRUE(resolver.timeout());
  const Deadline deadline(kClock, kPatience);
  while (answers.size() < 2 && !deadline.passed()) {
    std::vector<pollfd> entries;
    for (const auto& watch : resolver.sockets()) entries.push_back({watch.fd, POLLIN, 0});
    const auto wait = resolver.timeout().value_or(Duration(0));
    const int ready = ::poll(entries.data(), entries.size(), static_cast<int>(wait.count()));
    if (ready <= 0) resolver.process(-1, false, false);
    for (const auto& entry : entries) {
      if (ready > 0 && entry.revents != 0) resolver.process(entry.fd, true, false);
    }
  }
  EXPECT_THAT(answers, ElementsAre("127.0.0.7:1", "127.0.0.8:2"));
  EXPECT_FALSE(resolver.timeout());
}

TEST_F(ResolverTest, CancelAndDestructionEndEachQueryOnce) {
  FakeDns dns(Zones{{"slow.test", {{}, {}, true, true}}});
  std::vector<ErrorKind> kinds;
  const auto note = [&](const Result<Resolver::Addresses>& result) {
    kinds.push_back(result.error().kind());
  };
  {
    auto resolver = make(dns.port());
    resolver.start("slow.test", 1, note);
    resolver.start("slow.test", 1, note);
    resolver.cancel();
    EXPECT_THAT(kinds, ElementsAre(ErrorKind::kCancelled, ErrorKind::kCancelled));
    resolver.start("slow.test", 1, note);
  }
  EXPECT_EQ(kinds.size(), 3U);
  EXPECT_EQ(kinds.back(), ErrorKind::kCancelled);
}

TEST_F(ResolverTest, MovedResolverKeepsItsQueries) {
  FakeDns dns(Zones{{"a.test", {{"127.0.0.7"}, {}}}});
  auto first = make(dns.port());
  int answers = 0;
  first.start("a.test", 1, [&](const Result<Resolver::Addresses>&) { ++answers; });
  Resolver second = std::move(first);
  second.cancel();
  EXPECT_EQ(answers, 1);
}

}  // namespace
}  // namespace efs::net
