#include "efs/tunnel_control/watchdog_status.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <thread>

#include "efs/test_support/temp_dir.h"
#include "efs/tunnel_control/watchdog_link.h"

namespace efs::tunnel_control {
namespace {

using ::testing::HasSubstr;

WatchdogStatus sample() {
  WatchdogStatus status;
  status.pid = 12;
  status.version = "0.1.0";
  SupervisedMount mount;
  mount.name = "fs-1.mnt.20049";
  mount.mounted = Seen::kYes;
  mount.tunnel_pid = 345;
  mount.restarts = 7;
  status.mounts.push_back(mount);
  mount.name = "fs-2.mnt b.20050";
  mount.pending = true;
  mount.mounted = Seen::kUnknown;
  mount.tunnel_pid.reset();
  mount.last_error = "no \"credentials\"\nat all";
  status.mounts.push_back(mount);
  return status;
}

TEST(WatchdogStatus, SurvivesTheWay) {
  const auto read = WatchdogStatus::decode(sample().encode());
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_EQ(read->pid, 12);
  EXPECT_EQ(read->version, "0.1.0");
  EXPECT_EQ(read->idle, "");
  ASSERT_EQ(read->mounts.size(), 2U);
  EXPECT_EQ(read->mounts[0].name, "fs-1.mnt.20049");
  EXPECT_EQ(read->mounts[0].mounted, Seen::kYes);
  EXPECT_EQ(read->mounts[0].tunnel_pid, 345);
  EXPECT_EQ(read->mounts[0].restarts, 7);
  EXPECT_FALSE(read->mounts[0].pending);
  EXPECT_TRUE(read->mounts[1].pending);
  EXPECT_EQ(read->mounts[1].mounted, Seen::kUnknown);
  EXPECT_EQ(read->mounts[1].tunnel_pid, std::nullopt);
  EXPECT_EQ(read->mounts[1].last_error, "no \"credentials\"?at all") << "one line";
}

TEST(WatchdogStatus, RefusesWhatIsNone) {
  for (const char* text :
       {"", "[]", "{}", R"({"v":1})", R"({"v":2,"mounts":[]})", R"({"v":1,"mounts":[1]})",
        R"({"v":1,"mounts":[{"name":"../etc/passwd"}]})"}) {
    const auto read = WatchdogStatus::decode(text);
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().kind(), ErrorKind::kInvalidInput);
    EXPECT_THAT(read.error().message(), HasSubstr("the watchdog's status"));
  }
}

TEST(WatchdogStatus, TakesWrongNumbersForUnknown) {
  const auto read = WatchdogStatus::decode(
      R"({"v":1,"pid":-1,"mounts":[{"name":"fs-1.m.1","tunnel_pid":4294967297,"restarts":"x"}]})");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->pid, 0);
  EXPECT_EQ(read->mounts[0].tunnel_pid, std::nullopt);
  EXPECT_EQ(read->mounts[0].restarts, 0);
}

// One request on a real socket, answered by `answer`.
struct Answering {
  template <typename Answer>
  explicit Answering(Answer answer)
      : path(dir.at("watchdog.sock")), listener(listenForHelpers(path).value()) {
    server = std::thread([this, answer] {
      pollfd entry{listener.get(), POLLIN, 0};
      if (::poll(&entry, 1, 10000) != 1) return;
      const auto connection = acceptHelper(listener.get());
      if (!connection) return;
      entry.fd = connection->get();
      if (::poll(&entry, 1, 10000) != 1) return;
      const auto received = receiveRequest(connection->get());
      if (received && received->request.op == WatchdogRequest::Op::kStatus) {
        answer(connection->get());
      }
    });
  }
  ~Answering() { server.join(); }
  test_support::TempDir dir;
  std::string path;
  UniqueFd listener;
  std::thread server;
};

TEST(AskWatchdogStatus, GetsMoreThanOnePacketCanHold) {
  WatchdogStatus large = sample();
  while (large.mounts.size() < 2000) large.mounts.push_back(large.mounts.back());
  ASSERT_GT(large.encode().size(), 10 * kMaxMessage);
  Answering watchdog([&](int fd) { EXPECT_TRUE(sendStatus(fd, large)); });
  const auto status = askWatchdogStatus(watchdog.path, Duration(10000));
  ASSERT_TRUE(status) << status.error().message();
  EXPECT_EQ(status->encode(), large.encode());
}

TEST(AskWatchdogStatus, NamesARefusalAndAMissingDescriptor) {
  {
    Answering old([](int fd) {
      WatchdogReply refusal;
      refusal.error = "unknown operation";
      EXPECT_TRUE(sendReply(fd, refusal));
    });
    const auto status = askWatchdogStatus(old.path, Duration(10000));
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().kind(), ErrorKind::kUnsupported);
    EXPECT_THAT(status.error().message(), HasSubstr("unknown operation"));
  }
  Answering empty([](int fd) {
    WatchdogReply reply;
    reply.ok = true;
    EXPECT_TRUE(sendReply(fd, reply));
  });
  EXPECT_EQ(askWatchdogStatus(empty.path, Duration(10000)).error().kind(), ErrorKind::kProtocol);
}

TEST(AskWatchdogStatus, NobodyThereIsNotFound) {
  test_support::TempDir dir;
  EXPECT_EQ(askWatchdogStatus(dir.at("watchdog.sock"), Duration(1000)).error().kind(),
            ErrorKind::kNotFound);
}

}  // namespace
}  // namespace efs::tunnel_control
