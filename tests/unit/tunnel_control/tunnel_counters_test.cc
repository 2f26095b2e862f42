#include "efs/tunnel_control/tunnel_counters.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <thread>

#include "efs/base/files.h"
#include "efs/test_support/temp_dir.h"

namespace efs::tunnel_control {
namespace {

class TunnelCountersTest : public testing::Test {
 protected:
  CountersWriter writer() const {
    auto made = CountersWriter::create(path_);
    EXPECT_TRUE(made) << made.error().message();
    return std::move(*made);
  }
  CountersReader reader() const {
    auto opened = CountersReader::open(path_);
    EXPECT_TRUE(opened) << opened.error().message();
    return std::move(*opened);
  }
  // The page as bytes, changed by `change`, decoded.
  template <typename Change>
  Result<TunnelCounters> decodeChanged(Change change) const {
    const auto text = readFile(path_);
    CountersWords words{};
    EXPECT_EQ(text->size(), sizeof words);
    std::memcpy(words.data(), text->data(), sizeof words);
    change(words);
    return decodeCounters(words);
  }
  test_support::TempDir dir_;
  std::string path_ = dir_.at("tunnel-counters.fs-1.mnt.20049");
};

// NFS-9, ST-3
TEST(TunnelCounters, LieBesideTheConfigurationAndReserveThePort) {
  EXPECT_EQ(countersPath("/var/run/efs/stunnel-config.fs-1.mnt.20049"),
            "/var/run/efs/tunnel-counters.fs-1.mnt.20049");
  EXPECT_EQ(countersPath("own.conf"), "tunnel-counters.own.conf");
  EXPECT_EQ(countersPath("/stunnel-config."), "/tunnel-counters.");
}

TEST(TunnelCounters, ComputesAgesThatAreNeverNegative) {
  const MonoTime now{std::chrono::seconds(100)};
  EXPECT_EQ(countersAge(90000, now), Duration(10000));
  EXPECT_EQ(countersAge(0, now), Duration(0)) << "never";
  EXPECT_EQ(countersAge(100001, now), Duration(0));
  EXPECT_EQ(countersAge(UINT64_MAX, now), Duration(0));
  EXPECT_EQ(countersTime(MonoTime{}), 1U) << "0 is reserved";
}

TEST_F(TunnelCountersTest, ShowWhatTheTunnelPublished) {
  CountersWriter tunnel = writer();
  TunnelNumbers numbers;
  numbers.upstream_state = static_cast<std::uint64_t>(UpstreamState::kConnected);
  numbers.calls = 7;
  numbers.silent_since = 12345;
  numbers.unmeasured = 2;
  tunnel.publish(numbers);
  TunnelFacts facts;
  facts.pid = 42;
  facts.upstream = "10.0.0.5:2049";
  facts.tls = "TLSv1.3 X";
  facts.certificate_end = 1800000000;
  facts.error = "upstream: reset";
  facts.handshake_ms = 11;
  tunnel.publish(facts);

  const CountersReader seen = reader();
  auto counters = seen.read();
  ASSERT_TRUE(counters) << counters.error().message();
  EXPECT_TRUE(counters->consistent);
  EXPECT_EQ(counters->upstreamState(), UpstreamState::kConnected);
  EXPECT_EQ(counters->numbers.calls, 7U);
  EXPECT_EQ(counters->numbers.silent_since, 12345U);
  EXPECT_EQ(counters->numbers.unmeasured, 2U);
  EXPECT_EQ(counters->facts.pid, 42);
  EXPECT_EQ(counters->facts.upstream, "10.0.0.5:2049");
  EXPECT_EQ(counters->facts.tls, "TLSv1.3 X");
  EXPECT_EQ(counters->facts.certificate_end, 1800000000);
  EXPECT_EQ(counters->facts.error, "upstream: reset");
  EXPECT_EQ(counters->facts.handshake_ms, 11);

  numbers.calls = 8;
  tunnel.publish(numbers);
  EXPECT_EQ(seen.read()->numbers.calls, 8U) << "the same mapping shows what comes later";
}

TEST_F(TunnelCountersTest, AreForRootAloneAndBoundTheirTexts) {
  CountersWriter tunnel = writer();
  TunnelFacts facts;
  facts.upstream = std::string(1000, 'u');
  facts.error = std::string(100000, 'e');
  tunnel.publish(facts);
  struct stat info {};
  ASSERT_EQ(::stat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777U, 0600U);
  EXPECT_EQ(info.st_size, 4096);
  EXPECT_EQ(reader().read()->facts.upstream, std::string(47, 'u'));
  EXPECT_EQ(reader().read()->facts.error, std::string(511, 'e'));
}

TEST_F(TunnelCountersTest, ANewTunnelHasANewPageAndTheOldOneTakesOnlyItsOwnAway) {
  CountersWriter old_tunnel = writer();
  const CountersReader old_page = reader();
  CountersWriter new_tunnel = writer();
  TunnelNumbers numbers;
  numbers.calls = 1;
  new_tunnel.publish(numbers);
  EXPECT_EQ(old_page.read()->numbers.calls, 0U);
  old_tunnel.remove();
  EXPECT_EQ(reader().read()->numbers.calls, 1U);
  new_tunnel.remove();
  EXPECT_EQ(CountersReader::open(path_).error().kind(), ErrorKind::kNotFound);
}

TEST_F(TunnelCountersTest, AreNeverMixedWhileTheTunnelWrites) {
  CountersWriter tunnel = writer();
  const CountersReader seen = reader();
  std::atomic<bool> stop{false};
  std::thread writing([&] {
    TunnelNumbers numbers;
    while (!stop.load()) {
      ++numbers.calls;
      numbers.unmeasured = numbers.replies = numbers.calls;
      tunnel.publish(numbers);
    }
  });
  int whole = 0;
  for (int i = 0; i < 20000; ++i) {
    const auto counters = seen.read();
    if (!counters->consistent) continue;
    ++whole;
    ASSERT_EQ(counters->numbers.calls, counters->numbers.replies);
    ASSERT_EQ(counters->numbers.calls, counters->numbers.unmeasured);
  }
  stop = true;
  writing.join();
  EXPECT_GT(whole, 0);
}

TEST_F(TunnelCountersTest, SurviveATunnelKilledInTheMiddleOfAnUpdate) {
  writer();
  const auto torn = decodeChanged([](CountersWords& words) { words[2] = 7; });
  ASSERT_TRUE(torn);
  EXPECT_FALSE(torn->consistent);
}

TEST_F(TunnelCountersTest, SurviveAHostileTunnel) {
  writer();
  const auto all_ones = decodeChanged(
      [](CountersWords& words) { std::fill(words.begin() + 2, words.end(), ~std::uint64_t{0}); });
  ASSERT_TRUE(all_ones);
  EXPECT_EQ(all_ones->facts.pid, 0) << "never a process to signal";
  EXPECT_EQ(all_ones->upstreamState(), UpstreamState::kIdle);
  EXPECT_LE(all_ones->facts.error.size(), 512U);
  EXPECT_EQ(all_ones->facts.error.find('\xFF'), std::string::npos) << "printable";
  EXPECT_EQ(decodeChanged([](CountersWords& words) { words[1] = 2; }).error().kind(),
            ErrorKind::kUnsupported);
  EXPECT_FALSE(decodeChanged([](CountersWords& words) { words[0] = 0; }));
}

TEST_F(TunnelCountersTest, AreNotReadFromAnythingElse) {
  EXPECT_EQ(CountersReader::open(dir_.at("absent")).error().kind(), ErrorKind::kNotFound);
  EXPECT_FALSE(CountersReader::open(dir_.write("short", "EFSCOUNT")));
  EXPECT_FALSE(CountersReader::open(dir_.write("zeros", std::string(4096, '\0')))->read());
  ASSERT_EQ(::mkfifo(dir_.at("pipe").c_str(), 0600), 0);
  EXPECT_FALSE(CountersReader::open(dir_.at("pipe")));
  writer();
  ASSERT_EQ(::symlink(path_.c_str(), dir_.at("link").c_str()), 0);
  EXPECT_FALSE(CountersReader::open(dir_.at("link")));
  ASSERT_EQ(::chmod(path_.c_str(), 0666), 0);
  EXPECT_FALSE(CountersReader::open(path_)) << "anybody could shorten it under us";
}

TEST_F(TunnelCountersTest, AFullOrMissingDirectoryIsAnErrorAndWritingNowhereIsNone) {
  EXPECT_FALSE(CountersWriter::create(dir_.at("no/such/dir")));
  CountersWriter nowhere;
  nowhere.publish(TunnelNumbers{});
  nowhere.publish(TunnelFacts{});
  nowhere.remove();
}

}  // namespace
}  // namespace efs::tunnel_control
