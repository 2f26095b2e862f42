#include "efs/net/socket.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/tcp.h>
#include <poll.h>

#include <set>

namespace efs::net {
namespace {

constexpr Duration kPatience{5000};

Endpoint loopback(int port) {
  return *Endpoint::fromLiteral("127.0.0.1", static_cast<std::uint16_t>(port));
}

int intOption(int fd, int level, int name) {
  int value = -1;
  socklen_t length = sizeof value;
  EXPECT_EQ(::getsockopt(fd, level, name, &value, &length), 0);
  return value;
}

// A port that was free a moment ago, with nobody listening.
int closedPort() {
  auto listener = listenLoopback(0);
  EXPECT_TRUE(listener);
  return listener ? listener->port : 0;
}

TEST(Listener, ListensOnLoopbackOnlyWithTheFlagsItPromises) {
  const auto listener = listenLoopback(0);
  ASSERT_TRUE(listener);
  ASSERT_GT(listener->port, 0);
  const int fd = listener->fd.get();
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  ASSERT_EQ(::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length), 0);
  EXPECT_EQ(Endpoint::fromSockaddr(reinterpret_cast<sockaddr*>(&address), length)->text(),
            loopback(listener->port).text());
  EXPECT_EQ(intOption(fd, SOL_SOCKET, SO_ACCEPTCONN), 1);
  EXPECT_EQ(intOption(fd, SOL_SOCKET, SO_REUSEADDR), 1);
  EXPECT_NE(::fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
  EXPECT_NE(::fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
}

TEST(Listener, SecondOneOnThePortIsBusy) {
  const auto first = listenLoopback(0);
  ASSERT_TRUE(first);
  const auto second = listenLoopback(first->port);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind(), ErrorKind::kBusy);
}

TEST(Listener, RefusesPortsThatAreNone) {
  EXPECT_EQ(listenLoopback(-1).error().kind(), ErrorKind::kInvalidInput);
  EXPECT_EQ(listenLoopback(65536).error().kind(), ErrorKind::kInvalidInput);
}

// NFS-9: lower ... upper - 1
TEST(ListenInRange, TakesEveryFreePortOfTheHalfOpenRangeThenIsBusy) {
  const auto anchor = listenLoopback(0);
  ASSERT_TRUE(anchor);
  // The anchor's own port is in the range and taken.
  const int lower = anchor->port;
  const int upper = std::min(lower + 4, 65536);
  std::set<int> ports;
  std::vector<ListeningSocket> kept;
  for (int i = lower; i < upper; ++i) {
    auto listener = listenInRange(lower, upper, nullptr);
    if (!listener) break;
    EXPECT_TRUE(ports.insert(listener->port).second);
    EXPECT_GT(listener->port, lower);
    EXPECT_LT(listener->port, upper);
    kept.push_back(std::move(*listener));
  }
  const auto none = listenInRange(lower, upper, nullptr);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().kind(), ErrorKind::kBusy);
}

// NFS-9: ports named in the state directory
TEST(ListenInRange, SkipsReservedPorts) {
  const int port = closedPort();
  const auto listener = listenInRange(port, port + 1, [](int) { return true; });
  ASSERT_FALSE(listener);
  EXPECT_EQ(listener.error().kind(), ErrorKind::kBusy);
}

TEST(ListenInRange, TriesPortsInARandomOrder) {
  std::set<int> first_choices;
  for (int run = 0; run < 8; ++run) {
    int first = 0;
    (void)listenInRange(20000, 30000, [&first](int port) {
      if (first == 0) first = port;
      return true;
    });
    first_choices.insert(first);
  }
  EXPECT_GT(first_choices.size(), 1U);  // equal by chance: 10000^-7
}

TEST(ListenInRange, RefusesEmptyAndImpossibleRanges) {
  EXPECT_EQ(listenInRange(20049, 20049, nullptr).error().kind(), ErrorKind::kInvalidInput);
  EXPECT_EQ(listenInRange(20050, 20049, nullptr).error().kind(), ErrorKind::kInvalidInput);
  EXPECT_EQ(listenInRange(0, 10, nullptr).error().kind(), ErrorKind::kInvalidInput);
  EXPECT_EQ(listenInRange(65000, 65537, nullptr).error().kind(), ErrorKind::kInvalidInput);
}

TEST(ConnectTcp, GivesABlockingSocketWithoutNagle) {
  const auto listener = listenLoopback(0);
  ASSERT_TRUE(listener);
  const auto fd = connectTcp(loopback(listener->port), kPatience);
  ASSERT_TRUE(fd) << fd.error().message();
  EXPECT_EQ(::fcntl(fd->get(), F_GETFL) & O_NONBLOCK, 0);
  EXPECT_NE(::fcntl(fd->get(), F_GETFD) & FD_CLOEXEC, 0);
  EXPECT_EQ(intOption(fd->get(), IPPROTO_TCP, TCP_NODELAY), 1);
}

TEST(ConnectTcp, NamesTheEndpointWhenNobodyListens) {
  const int port = closedPort();
  const auto fd = connectTcp(loopback(port), kPatience);
  ASSERT_FALSE(fd);
  EXPECT_EQ(fd.error().kind(), ErrorKind::kRefused);
  EXPECT_EQ(fd.error().osError(), ECONNREFUSED);
  EXPECT_EQ(fd.error().message(), loopback(port).text() + ": connecting: Connection refused");
}

// DNS-5: a target that drops packets must cost the patience and no more.
TEST(ConnectTcp, TimesOutWhenTheBacklogDropsSyn) {
  const auto listener = listenLoopback(0, 0);
  ASSERT_TRUE(listener);
  std::vector<UniqueFd> queued;
  Result<UniqueFd> last = UniqueFd();
  for (int i = 0; i < 4 && last; ++i) {
    last = connectTcp(loopback(listener->port), Duration(100));
    if (last) queued.push_back(std::move(*last));
  }
  ASSERT_FALSE(last);
  EXPECT_EQ(last.error().kind(), ErrorKind::kTimeout);
}

TEST(StartConnect, FinishesByConnectResult) {
  const auto listener = listenLoopback(0);
  ASSERT_TRUE(listener);
  const auto fd = startConnect(loopback(listener->port));
  ASSERT_TRUE(fd);
  EXPECT_NE(::fcntl(fd->get(), F_GETFL) & O_NONBLOCK, 0);
  pollfd entry{fd->get(), POLLOUT, 0};
  ASSERT_EQ(::poll(&entry, 1, static_cast<int>(kPatience.count())), 1);
  EXPECT_TRUE(connectResult(fd->get()));
}

TEST(ConnectResult, TellsTheRefusalOfAConnectUnderWay) {
  const auto fd = startConnect(loopback(closedPort()));
  if (!fd) {  // loopback may refuse at once
    EXPECT_EQ(fd.error().kind(), ErrorKind::kRefused);
    return;
  }
  pollfd entry{fd->get(), POLLOUT, 0};
  ASSERT_EQ(::poll(&entry, 1, static_cast<int>(kPatience.count())), 1);
  EXPECT_EQ(connectResult(fd->get()).error().kind(), ErrorKind::kRefused);
}

TEST(KeepAlive, SetsWholeSecondsRoundedUp) {
  const auto listener = listenLoopback(0);
  const auto fd = connectTcp(loopback(listener->port), kPatience);
  ASSERT_TRUE(fd);
  ASSERT_TRUE(setKeepAlive(fd->get(), {Duration(10000), Duration(1), 3, Duration(25500)}));
  EXPECT_EQ(intOption(fd->get(), SOL_SOCKET, SO_KEEPALIVE), 1);
  EXPECT_EQ(intOption(fd->get(), IPPROTO_TCP, TCP_KEEPIDLE), 10);
  EXPECT_EQ(intOption(fd->get(), IPPROTO_TCP, TCP_KEEPINTVL), 1);
  EXPECT_EQ(intOption(fd->get(), IPPROTO_TCP, TCP_KEEPCNT), 3);
  EXPECT_EQ(intOption(fd->get(), IPPROTO_TCP, TCP_USER_TIMEOUT), 25500);
}

}  // namespace
}  // namespace efs::net
