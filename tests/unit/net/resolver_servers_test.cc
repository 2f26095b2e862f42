// Name servers that are not there, and a process that has no socket left to ask one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include "efs/base/unique_fd.h"
#include "efs/net/resolver.h"
#include "efs/test_support/real_clock.h"
#include "efs/test_support/temp_dir.h"
#include "fake_dns.h"

namespace efs::net {
namespace {

using testing::FakeDns;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::Zones;

constexpr Duration kPatience{10000};
const test_support::RealClock kClock("a real DNS server answers");

class ResolverServers : public ::testing::Test {
 protected:
  // Nobody listens at the port of the good server on any other address.
  Result<Resolver> make(const std::string& servers) const {
    std::string text;
    for (std::size_t begin = 0; begin < servers.size();) {
      const auto end = std::min(servers.find(' ', begin), servers.size());
      text += "nameserver " + servers.substr(begin, end - begin) + "\n";
      begin = end + 1;
    }
    return Resolver::create(
        {dir_.write("resolv.conf", text), dns_.port(), Duration(2000), Duration(250)});
  }
  // How long the answer takes, which must be right.
  Duration timeOf(const std::string& servers, const std::string& host, const char* answer) {
    auto resolver = make(servers);
    const MonoTime begin = kClock.monotonic();
    const auto found = resolver->resolve(host, 1, kClock, kPatience);
    const auto took = std::chrono::duration_cast<Duration>(kClock.monotonic() - begin);
    EXPECT_TRUE(found) << servers << ": " << found.error().describe();
    if (found) {
      EXPECT_EQ(found->front().text(), answer) << servers;
    }
    return took;
  }

  test_support::TempDir dir_;
  FakeDns dns_{Zones{{"v4.test", {{"127.0.0.7"}, {}}},
                     {"v6.test", {{}, {"::1"}}},
                     {"both.test", {{"127.0.0.7"}, {"2001:db8::1"}}}}};
};

// Fifty milliseconds are promised. The limit has room for a busy machine and is far below
// both what a family (250 ms) and what a server (2 s) is waited for.
constexpr Duration kQuick{200};

TEST_F(ResolverServers, ThatRefuseCostNothingWhateverTheirNumberAndFamily) {
  for (const char* servers :
       {"127.0.0.2 127.0.0.1", "127.0.0.2 127.0.0.3 127.0.0.1", "::1 127.0.0.1",
        "::1 127.0.0.2 127.0.0.1", "127.0.0.2 ::1 127.0.0.3 127.0.0.1"}) {
    EXPECT_LT(timeOf(servers, "v4.test", "127.0.0.7:1"), kQuick) << servers;
    EXPECT_LT(timeOf(servers, "v6.test", "[::1]:1"), kQuick) << servers;
    EXPECT_LT(timeOf(servers, "both.test", "127.0.0.7:1"), kQuick) << servers;
  }
}

TEST_F(ResolverServers, ThatRefuseCostNothingTheSecondTimeEither) {
  auto resolver = make("127.0.0.2 127.0.0.3 127.0.0.1");
  for (int i = 0; i < 5; ++i) {
    const MonoTime begin = kClock.monotonic();
    EXPECT_TRUE(resolver->resolve("v4.test", 1, kClock, kPatience));
    EXPECT_LT(kClock.monotonic() - begin, kQuick) << i;
  }
}

TEST_F(ResolverServers, ThatRefuseCostNothingWhereManyNamesAreAskedAtOnce) {
  auto resolver = make("127.0.0.2 127.0.0.1");
  const MonoTime begin = kClock.monotonic();
  int found = 0;
  for (int i = 0; i < 8; ++i) {
    resolver->start("v4.test", 1, [&](const Result<Resolver::Addresses>& addresses) {
      if (addresses) ++found;
    });
  }
  const Deadline deadline(kClock, kPatience);
  EXPECT_TRUE(resolver->serveUntil([&] { return found == 8; }, deadline));
  EXPECT_LT(kClock.monotonic() - begin, kQuick);
}

TEST_F(ResolverServers, ThatAllRefuseAreOutOfReachAtOnce) {
  const MonoTime begin = kClock.monotonic();
  const auto found = make("127.0.0.2 ::1 127.0.0.3")->resolve("v4.test", 1, kClock, kPatience);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().kind(), ErrorKind::kUnreachable) << found.error().describe();
  EXPECT_LT(kClock.monotonic() - begin, kQuick);
}

// Leaves this process without a free descriptor.
class NoDescriptors {
 public:
  NoDescriptors() {
    EXPECT_EQ(::getrlimit(RLIMIT_NOFILE, &before_), 0);
    const UniqueFd lowest(::dup(STDERR_FILENO));
    const rlimit none{static_cast<rlim_t>(lowest.get()), before_.rlim_max};
    EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  }
  ~NoDescriptors() { (void)::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

TEST_F(ResolverServers, AreNotToBlameWhereThisProcessHasNoDescriptorLeft) {
  auto resolver = make("127.0.0.1");
  const auto found = [&] {
    const NoDescriptors none;
    return resolver->resolve("v4.test", 1, kClock, kPatience);
  }();
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().kind(), ErrorKind::kIo);
  EXPECT_THAT(found.error().describe(), HasSubstr("Too many open files"));
  EXPECT_THAT(found.error().describe(), Not(HasSubstr("resolv.conf")));
  // The next question finds one.
  EXPECT_TRUE(resolver->resolve("v4.test", 1, kClock, kPatience));
}

TEST_F(ResolverServers, AreNotToBlameWhereTheirFileCannotBeOpened) {
  const auto path = dir_.write("resolv.conf", "nameserver 127.0.0.1\n");
  const auto resolver = [&] {
    const NoDescriptors none;
    return Resolver::create({path, dns_.port(), Duration(2000), Duration(250)});
  }();
  ASSERT_FALSE(resolver);
  EXPECT_EQ(resolver.error().kind(), ErrorKind::kIo);
  EXPECT_THAT(resolver.error().describe(), HasSubstr("Too many open files"));
}

}  // namespace
}  // namespace efs::net
