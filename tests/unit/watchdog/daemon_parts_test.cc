// The small parts of the daemon: command line, names for systemd, the old watchdog.
#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "daemon/directory_watch.h"
#include "daemon/foreign_watchdog.h"
#include "daemon/options.h"
#include "daemon/service_manager.h"
#include "efs/base/files.h"
#include "efs/base/remove_tree.h"
#include "efs/loop/event_loop.h"
#include "efs/test_support/fake_clock.h"
#include "efs/test_support/temp_dir.h"

namespace efs::watchdog {
namespace {

// WD-1
TEST(Options, WatchTheStandardPlacesWithoutArguments) {
  const auto options = Options::parse({});
  ASSERT_TRUE(options);
  EXPECT_EQ(options->task, Options::Task::kWatch);
  EXPECT_EQ(options->state_dir, "/var/run/efs");
  EXPECT_EQ(options->config, "/etc/amazon/efs/efs-utils.conf");
}

TEST(Options, RefuseWhatTheyDoNotKnow) {
  EXPECT_FALSE(Options::parse({"--bogus"}));
  EXPECT_FALSE(Options::parse({"--config"}));
  EXPECT_FALSE(Options::parse({"--config", ""}));
  EXPECT_EQ(Options::parse({"--version"})->task, Options::Task::kShowVersion);
  EXPECT_EQ(Options::parse({"--config", "/x", "-h"})->config, "/x");
}

TEST(FdName, CarriesEveryMountNameThatFits) {
  const std::string name = "fs-1.mnt.a b:%\xC3\xA4.20049";
  const auto escaped = escapeFdName(name);
  ASSERT_TRUE(escaped);
  EXPECT_EQ(*escaped, "fs-1.mnt.a%20b%3a%25%c3%a4.20049");
  EXPECT_EQ(unescapeFdName(*escaped), name);
  EXPECT_FALSE(escapeFdName(std::string(256, 'x')));
  EXPECT_FALSE(escapeFdName(""));
  for (const char* bad : {"%", "%2", "a%zz", "%-1"}) EXPECT_FALSE(unescapeFdName(bad)) << bad;
}

TEST(DirectoryWatch, TellsChangesAndItsOwnEnd) {
  test_support::TempDir temp;
  const std::string path = temp.at("watched");
  ASSERT_TRUE(makeDirectories(path, 0700));
  auto watch = DirectoryWatch::create(path);
  test_support::FakeClock clock;
  auto loop = loop::EventLoop::create(clock);
  ASSERT_TRUE(watch && loop);
  bool alive = true;
  int events = 0;
  const auto watching = (*loop)->watch(watch->fd(), EPOLLIN, [&](std::uint32_t) {
    ++events;
    alive = watch->drain();
  });
  ASSERT_TRUE(watching);
  ASSERT_TRUE(writeFileAtomic(path + "/file", "x"));
  ASSERT_TRUE((*loop)->runOnce(Duration(0)));
  EXPECT_EQ(events, 1);
  EXPECT_TRUE(alive);
  ASSERT_TRUE(removeTree(path));
  ASSERT_TRUE((*loop)->runOnce(Duration(0)));
  EXPECT_FALSE(alive);
  EXPECT_FALSE(DirectoryWatch::create(path));
}

// A /proc made of files.
class ForeignWatchdog : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(makeDirectories(root_.at("run/efs"), 0755));
    ASSERT_TRUE(makeDirectories(root_.at("var"), 0755));
    // As on a real machine: absolute, so that it leads into the root of whoever walks.
    std::filesystem::create_directory_symlink("/run", root_.at("var/run"));
    namespaces("self", "pid:[1]", "user:[1]");
  }
  void namespaces(const std::string& pid, const char* pids, const char* users) {
    ASSERT_TRUE(makeDirectories(proc_.at(pid + "/ns"), 0700));
    std::filesystem::create_symlink(pids, proc_.at(pid + "/ns/pid"));
    std::filesystem::create_symlink(users, proc_.at(pid + "/ns/user"));
  }
  struct Facts {
    const char* comm = "amazon-efs-moun\n";
    const char* exe = "/usr/bin/python3.11";
    const char* uid = "Uid:\t0\t0\t0\t0\n";
    const char* pids = "pid:[1]";
    const char* users = "user:[1]";
    std::string root;
    // Of /proc/<pid>/cmdline; empty: no such file.
    std::string command = "";
  };
  void process(const std::string& pid, Facts facts) {
    namespaces(pid, facts.pids, facts.users);
    ASSERT_TRUE(writeFileAtomic(proc_.at(pid + "/comm"), facts.comm));
    ASSERT_TRUE(writeFileAtomic(proc_.at(pid + "/status"), std::string("Name:\tx\n") + facts.uid));
    if (facts.exe != nullptr) std::filesystem::create_symlink(facts.exe, proc_.at(pid + "/exe"));
    std::filesystem::create_symlink(facts.root.empty() ? root_.path() : facts.root,
                                    proc_.at(pid + "/root"));
    if (!facts.command.empty()) {
      ASSERT_TRUE(writeFileAtomic(proc_.at(pid + "/cmdline"), facts.command));
    }
  }
  auto find() { return findForeignWatchdog(root_.at("run/efs"), proc_.path()); }

  test_support::TempDir proc_, root_, elsewhere_;
};

// UP-4: a script of that name, not a native program of that name.
TEST_F(ForeignWatchdog, IsRootsPythonProcessOfThatNameOnThisDirectory) {
  EXPECT_FALSE(find());
  process("12", {});
  EXPECT_EQ(find(), 12);
}

// Issue 9, B15: any user's process of that name made the watchdog idle.
TEST_F(ForeignWatchdog, IsNobodyElse) {
  process("10", {.exe = "/usr/bin/amazon-efs-mount-watchdog", .root = ""});
  process("11", {.comm = "python3\n", .root = ""});
  process("20", {.uid = "Uid:\t1000\t1000\t1000\t1000\n", .root = ""});
  process("21", {.uid = "Uid:\t1000\t0\t0\t0\n", .root = ""});
  process("22", {.uid = "Uid:\t0\t1000\t0\t0\n", .root = ""});
  process("23", {.uid = "", .root = ""});
  process("30", {.pids = "pid:[2]", .root = ""});
  process("31", {.users = "user:[2]", .root = ""});
  process("40", {.root = elsewhere_.path()});
  ASSERT_TRUE(makeDirectories(elsewhere_.at("other/var/run/efs"), 0755));
  process("41", {.root = elsewhere_.at("other")});
  process("50", {.exe = nullptr, .root = ""});
  EXPECT_FALSE(find());
}

// The kernel keeps 15 characters of a name: root's own exporter or check may share them.
TEST_F(ForeignWatchdog, IsNoScriptWhoseNameOnlyBeginsAlike) {
  const auto words = [](const std::string& script) {
    return std::string("/usr/bin/python3\0-s\0", 20) + script + std::string("\0--debug\0", 9);
  };
  process("60", {.root = "", .command = words("/usr/bin/amazon-efs-mount-exporter")});
  process("61", {.root = "", .command = words("/opt/amazon-efs-mount-watchdog-check")});
  EXPECT_FALSE(find());
  process("62", {.root = "", .command = words("/usr/bin/amazon-efs-mount-watchdog")});
  EXPECT_EQ(find(), 62);
}

}  // namespace
}  // namespace efs::watchdog
