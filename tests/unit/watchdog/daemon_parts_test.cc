// The small parts of the daemon: command line, names for systemd, event loop, the old watchdog.
#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "directory_watch.h"
#include "efs/base/files.h"
#include "efs/base/remove_tree.h"
#include "efs/test_support/temp_dir.h"
#include "event_loop.h"
#include "foreign_watchdog.h"
#include "options.h"
#include "service_manager.h"

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

TEST(EventLoop, RunsTheHandlerOfAReadyDescriptorAndForgetsIt) {
  auto loop = EventLoop::create();
  auto pipe = makePipe();
  ASSERT_TRUE(loop && pipe);
  int calls = 0;
  const int fd = pipe->read_end.get();
  ASSERT_TRUE(loop->watch(fd, EPOLLIN, [&](std::uint32_t) {
    ++calls;
    loop->forget(fd);  // from within its own handler
  }));
  ASSERT_TRUE(loop->runOnce(Duration(0)));
  EXPECT_EQ(calls, 0);
  ASSERT_TRUE(writeAll(pipe->write_end.get(), "x", "pipe"));
  ASSERT_TRUE(loop->runOnce(Duration(0)));
  ASSERT_TRUE(loop->runOnce(Duration(0)));
  EXPECT_EQ(calls, 1);
}

TEST(EventLoop, DoesNotDeliverAnEventToWhoeverInheritsTheNumber) {
  auto loop = EventLoop::create();
  auto first = makePipe();
  auto second = makePipe();
  ASSERT_TRUE(loop && first && second);
  int calls = 0;
  // Whichever runs first replaces the other, whose event is already fetched.
  const auto replace = [&](int other) {
    return [&, other](std::uint32_t) {
      ++calls;
      loop->forget(other);
      ASSERT_TRUE(loop->watch(other, EPOLLOUT, [&](std::uint32_t) { ++calls; }));
    };
  };
  const int a = first->read_end.get();
  const int b = second->read_end.get();
  ASSERT_TRUE(loop->watch(a, EPOLLIN, replace(b)));
  ASSERT_TRUE(loop->watch(b, EPOLLIN, replace(a)));
  ASSERT_TRUE(writeAll(first->write_end.get(), "x", "pipe"));
  ASSERT_TRUE(writeAll(second->write_end.get(), "x", "pipe"));
  ASSERT_TRUE(loop->runOnce(Duration(0)));
  EXPECT_EQ(calls, 1);
}

TEST(DirectoryWatch, TellsChangesAndItsOwnEnd) {
  test_support::TempDir temp;
  const std::string path = temp.at("watched");
  ASSERT_TRUE(makeDirectories(path, 0700));
  auto watch = DirectoryWatch::create(path);
  auto loop = EventLoop::create();
  ASSERT_TRUE(watch && loop);
  bool alive = true;
  int events = 0;
  ASSERT_TRUE(loop->watch(watch->fd(), EPOLLIN, [&](std::uint32_t) {
    ++events;
    alive = watch->drain();
  }));
  ASSERT_TRUE(writeFileAtomic(path + "/file", "x"));
  ASSERT_TRUE(loop->runOnce(Duration(0)));
  EXPECT_EQ(events, 1);
  EXPECT_TRUE(alive);
  ASSERT_TRUE(removeTree(path));
  ASSERT_TRUE(loop->runOnce(Duration(0)));
  EXPECT_FALSE(alive);
  EXPECT_FALSE(DirectoryWatch::create(path));
}

// UP-4: a script of that name, not a native program of that name.
TEST(ForeignWatchdog, IsAPythonProcessOfThatName) {
  test_support::TempDir proc;
  const auto process = [&](const std::string& pid, const char* comm, const char* exe) {
    ASSERT_TRUE(makeDirectories(proc.at(pid), 0700));
    ASSERT_TRUE(writeFileAtomic(proc.at(pid) + "/comm", comm));
    std::filesystem::create_symlink(exe, proc.at(pid) + "/exe");
  };
  process("10", "amazon-efs-moun\n", "/usr/bin/amazon-efs-mount-watchdog");
  process("11", "python3\n", "/usr/bin/python3.11");
  process("self", "amazon-efs-moun\n", "/usr/bin/python3.11");
  EXPECT_FALSE(findForeignWatchdog(proc.path()));
  process("12", "amazon-efs-moun\n", "/usr/bin/python3.11");
  EXPECT_EQ(findForeignWatchdog(proc.path()), 12);
}

}  // namespace
}  // namespace efs::watchdog
