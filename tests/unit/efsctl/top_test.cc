// From two looks at the counters to rows, and from rows to a screen; that a terminal gets it is
// tests/integration/efsctl/top_test.py.
#include "efs/efsctl/top.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "efs/base/text.h"
#include "efs/efsctl/efsctl.h"

namespace efs::efsctl {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const MonoTime kThen = MonoTime(std::chrono::hours(5));

constexpr std::size_t at(NfsClass kind) { return static_cast<std::size_t>(kind); }

TopMount mountOf(const std::string& name) {
  TopMount mount;
  mount.name = "fs-1" + replaceAll(name, "/", ".");
  mount.mount_point = name;
  mount.state = "mounted";
  mount.classes.emplace();
  mount.tunnel.emplace();
  return mount;
}

TopLook sized(std::size_t width, std::size_t height = 24) {
  TopLook look;
  look.width = width;
  look.height = height;
  return look;
}

// Two seconds apart: 100 reads of 1 MB, each 4 ms, two of them sent again; 20 metadata calls.
std::pair<TopSample, TopSample> twoLooks() {
  TopSample before{.at = kThen, .mounts = {mountOf("/mnt/a"), mountOf("/mnt/idle")}};
  TopSample now = before;
  now.at = kThen + std::chrono::seconds(2);
  TopMount& busy = now.mounts[0];
  (*busy.classes)[at(NfsClass::kRead)] = {
      .calls = 100, .sent = 102, .bytes = 100000000, .total_ms = 400, .errors = 0};
  (*busy.classes)[at(NfsClass::kMetadata)] = {
      .calls = 20, .sent = 20, .bytes = 4000, .total_ms = 20, .errors = 1};
  busy.tunnel->latency[1] = 110;
  busy.tunnel->latency[7] = 10;
  busy.tunnel->reconnects = 3;
  busy.tunnel->outstanding = 9;
  return {before, now};
}

TEST(NfsClasses, EachOperationBelongsToOne) {
  EXPECT_EQ(nfsClassOf("READ"), NfsClass::kRead);
  EXPECT_EQ(nfsClassOf("COMMIT"), NfsClass::kWrite);
  EXPECT_EQ(nfsClassOf("CLOSE"), NfsClass::kOpen);
  EXPECT_EQ(nfsClassOf("GETATTR"), NfsClass::kMetadata);
  EXPECT_EQ(nfsClassOf("LOCKU"), NfsClass::kLock);
  EXPECT_EQ(nfsClassOf("SEQUENCE"), NfsClass::kSession);
  EXPECT_EQ(nfsClassOf("OF_TOMORROW"), NfsClass::kSession);
}

TEST(TopGroups, ARateIsWhatHappenedInBetween) {
  const auto [before, now] = twoLooks();
  const auto groups = topGroups(before, now);
  ASSERT_EQ(groups.size(), 2U);
  const TopRow& all = groups[0].all;
  EXPECT_DOUBLE_EQ(all.calls, 60);
  EXPECT_NEAR(all.bytes, 50002000, 1);
  EXPECT_NEAR(*all.mean_ms, 3.5, 0.01);
  EXPECT_EQ(all.p50_ms, 2) << "110 of 120 took less than 2 ms";
  EXPECT_EQ(all.p99_ms, 128);
  EXPECT_EQ(all.resent, 2U);
  EXPECT_EQ(all.reconnects, 3U);
  EXPECT_EQ(all.waiting, 9U);
  ASSERT_EQ(groups[0].classes.size(), 2U);
  EXPECT_EQ(groups[0].classes[0].kind, "read");
  EXPECT_DOUBLE_EQ(groups[0].classes[0].calls, 50);
  EXPECT_DOUBLE_EQ(*groups[0].classes[0].mean_ms, 4);
  EXPECT_EQ(groups[1].all.mean_ms, std::nullopt) << "nothing was asked";
  EXPECT_TRUE(groups[1].classes.empty());
}

TEST(TopGroups, ANewMountAndANewTunnelCountFromTheirBeginning) {
  auto [before, now] = twoLooks();
  before.mounts.clear();
  EXPECT_DOUBLE_EQ(topGroups(before, now)[0].all.calls, 0) << "its past is not of this moment";
  auto [old, later] = twoLooks();
  old.mounts[0].tunnel->reconnects = 7;
  EXPECT_EQ(topGroups(old, later)[0].all.reconnects, 3U);
}

TEST(TopGroups, WithoutTheKernelsCountersTheTunnelTells) {
  auto [before, now] = twoLooks();
  before.mounts[0].classes.reset();
  now.mounts[0].classes.reset();
  now.mounts[0].tunnel->calls = 80;
  now.mounts[0].tunnel->bytes_down = 2000000;
  now.mounts[0].tunnel->latency_ms = 360;
  const TopRow all = topGroups(before, now)[0].all;
  EXPECT_DOUBLE_EQ(all.calls, 40);
  EXPECT_DOUBLE_EQ(all.bytes, 1000000);
  EXPECT_DOUBLE_EQ(*all.mean_ms, 3);
  EXPECT_EQ(all.resent, std::nullopt);
}

TEST(TopView, SortsAndFilters) {
  const auto [before, now] = twoLooks();
  const auto groups = topGroups(before, now);
  TopLook look;
  EXPECT_EQ(arranged(groups, look)[0].all.mount_point, "/mnt/a");
  look.filter = "idle";
  ASSERT_EQ(arranged(groups, look).size(), 1U);
  EXPECT_EQ(arranged(groups, look)[0].all.mount_point, "/mnt/idle");
  look.filter = "read";
  ASSERT_EQ(arranged(groups, look).size(), 1U);
  EXPECT_EQ(arranged(groups, look)[0].classes.size(), 1U);
}

TEST(TopView, FitsEachWidthAndHeight) {
  auto [before, now] = twoLooks();
  now.mounts[0].mount_point = "/" + std::string(200, 'x') + "/end";
  const auto groups = topGroups(before, now);
  const TopHistory history = {{now.mounts[0].mount_point, {0, 1, 5, 10, 2}}};
  for (const std::size_t width : {80U, 120U, 200U}) {
    const TopLook look = sized(width);
    const auto lines = split(topScreen(groups, history, look), '\n');
    EXPECT_LE(lines.size(), look.height);
    for (const auto& line : lines) {
      const auto columns = std::count_if(line.begin(), line.end(), [](char c) {
        return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
      });
      EXPECT_LE(columns, static_cast<std::ptrdiff_t>(width)) << line;
    }
  }
  const std::string wide = topScreen(groups, history, sized(120));
  EXPECT_THAT(wide, HasSubstr("/end"));
  EXPECT_THAT(wide, HasSubstr("█"));
  EXPECT_THAT(topScreen(groups, history, sized(80)), Not(HasSubstr("█")));
  EXPECT_THAT(topScreen(groups, history, sized(80, 5)), HasSubstr("more lines"));
  EXPECT_THAT(topScreen({}, {}, {}), HasSubstr("no EFS mounts"));
}

TEST(TopView, AStateThatIsNotMountedIsTold) {
  auto [before, now] = twoLooks();
  now.mounts[0].state = "tunnel_down";
  EXPECT_THAT(topScreen(topGroups(before, now), {}, {}), HasSubstr("tunnel down"));
}

TEST(TopView, LinesForAPipeHaveOneFieldEach) {
  auto [before, now] = twoLooks();
  now.mounts[0].mount_point = "/mnt/a b";
  const std::size_t fields = split(topHeading(), ' ').size();
  for (const auto& line : split(topLines(topGroups(before, now), "12:00:00"), '\n')) {
    if (line.empty()) continue;
    EXPECT_EQ(split(line, ' ').size(), fields) << line;
  }
  EXPECT_THAT(topLines(topGroups(before, now), "12:00:00"),
              HasSubstr("12:00:00 /mnt/a\\040b all 60.0 50.002 3.50 2.00 128 2 3 9 mounted\n"));
}

TEST(TopKeys, ChangeTheLook) {
  TopLook look;
  EXPECT_TRUE(topKey('s', look));
  EXPECT_EQ(look.sort, TopSort::kLatency);
  EXPECT_TRUE(topKey('f', look));
  for (const char key : {'q', 'x', '\177'}) EXPECT_TRUE(topKey(key, look)) << "is text";
  EXPECT_EQ(look.filter, "q");
  EXPECT_TRUE(topKey('\n', look));
  EXPECT_FALSE(look.typing);
  EXPECT_TRUE(topKey('c', look));
  EXPECT_FALSE(look.classes);
  EXPECT_TRUE(topKey(' ', look));
  EXPECT_TRUE(look.paused);
  EXPECT_FALSE(topKey('q', look));
}

TEST(TopOptions, TakeTimesAndOneName) {
  const auto options = parseTopOptions({"-d", "5", "-n", "3", "/mnt/a"});
  ASSERT_TRUE(options);
  EXPECT_EQ(options->interval, Duration(5000));
  EXPECT_EQ(options->count, 3);
  EXPECT_EQ(options->status.only, "/mnt/a");
  for (const auto& words : std::vector<std::vector<std::string>>{
           {"-d"}, {"-d", "0"}, {"-n", "x"}, {"--none"}, {"a", "b"}, {"--mountstats"}}) {
    EXPECT_FALSE(parseTopOptions(words));
  }
  EXPECT_EQ(runEfsctl({"efsctl", "top", "--help"}), kHealthy);
}

}  // namespace
}  // namespace efs::efsctl
