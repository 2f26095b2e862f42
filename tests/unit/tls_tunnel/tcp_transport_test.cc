// Lean readiness: a socket that gave or took less than it was asked for is not asked again before
// the next edge; that is, a call that could only answer EAGAIN is never made.
#include "efs/io/tcp_transport.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <optional>
#include <span>
#include <string>
#include <utility>

namespace efs::io {
namespace {

constexpr int kPatience = 10000;  // ms

class TcpTransportTest : public testing::Test {
 protected:
  void SetUp() override {
    const UniqueFd listener(::socket(AF_INET, SOCK_STREAM, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof(address);
    auto* raw = reinterpret_cast<sockaddr*>(&address);
    ASSERT_EQ(::bind(listener.get(), raw, length), 0);
    ASSERT_EQ(::listen(listener.get(), 1), 0);
    ASSERT_EQ(::getsockname(listener.get(), raw, &length), 0);
    UniqueFd mine(::socket(AF_INET, SOCK_STREAM, 0));
    ASSERT_EQ(::connect(mine.get(), raw, length), 0);
    peer_ = UniqueFd(::accept(listener.get(), nullptr, nullptr));
    ASSERT_TRUE(peer_.valid());
    // Non-blocking from here on; connect() was not.
    ASSERT_EQ(::fcntl(mine.get(), F_SETFL, O_NONBLOCK), 0);
    transport_.emplace(std::move(mine));
  }
  void arrives(const std::string& bytes, int flags = 0) {
    ASSERT_EQ(::send(peer_.get(), bytes.data(), bytes.size(), flags),
              static_cast<ssize_t>(bytes.size()));
    await(POLLIN);
  }
  void await(short events) const {
    pollfd entry{transport_->fd(), events, 0};
    ASSERT_EQ(::poll(&entry, 1, kPatience), 1);
  }
  std::string read() {
    std::array<std::byte, 64> into{};
    const IoResult result = transport_->read(into);
    if (result.state == IoState::kWouldBlock) return "-";
    if (result.state == IoState::kEnd) return "end";
    return {reinterpret_cast<const char*>(into.data()), result.bytes};
  }
  // Until the socket takes less than it is offered.
  void fill() {
    const std::string much(std::size_t{1} << 20U, 'x');
    const auto bytes = std::as_bytes(std::span(much));
    for (int i = 0; i < 1000; ++i) {
      const IoResult result = transport_->write(bytes);
      if (result.state == IoState::kWouldBlock || result.bytes < bytes.size()) return;
    }
    FAIL() << "the socket never fills";
  }
  // The peer reads until the socket takes bytes again.
  void drain() const {
    std::array<char, 65536> scratch{};
    for (int i = 0; i < kPatience; ++i) {
      pollfd writable{transport_->fd(), POLLOUT, 0};
      if (::poll(&writable, 1, 0) == 1) return;
      pollfd readable{peer_.get(), POLLIN, 0};
      if (::poll(&readable, 1, 1) == 1)
        (void)::recv(peer_.get(), scratch.data(), scratch.size(), 0);
    }
    FAIL() << "the socket stays full";
  }

  UniqueFd peer_;
  std::optional<TcpTransport> transport_;
};

TEST_F(TcpTransportTest, AsksNoMoreAfterAShortReadUntilTheNextEdge) {
  transport_->ready(EPOLLIN | EPOLLOUT);
  arrives("one");
  EXPECT_EQ(read(), "one");
  arrives("two");
  EXPECT_EQ(read(), "-") << "a call that nobody had to make was made";
  transport_->ready(EPOLLIN);
  EXPECT_EQ(read(), "two");
}

TEST_F(TcpTransportTest, ReadsOnAfterAFullRead) {
  transport_->ready(EPOLLIN);
  arrives(std::string(64, 'a') + "rest");
  EXPECT_EQ(read(), std::string(64, 'a'));
  EXPECT_EQ(read(), "rest");
  EXPECT_EQ(read(), "-");
}

TEST_F(TcpTransportTest, AsksNoMoreAfterAShortWriteUntilTheNextEdge) {
  transport_->ready(EPOLLOUT);
  fill();
  drain();
  const std::string more = "more";
  const auto bytes = std::as_bytes(std::span(more));
  EXPECT_EQ(transport_->write(bytes).state, IoState::kWouldBlock);
  transport_->ready(EPOLLIN);
  EXPECT_EQ(transport_->write(bytes).state, IoState::kWouldBlock) << "an edge of the other kind";
  transport_->ready(EPOLLOUT);
  EXPECT_EQ(transport_->write(bytes).state, IoState::kDone);
}

// The end brings one edge, perhaps together with the bytes before it.
TEST_F(TcpTransportTest, ReadsTheEndBehindAShortRead) {
  ASSERT_EQ(::send(peer_.get(), "last", 4, 0), 4);
  ASSERT_EQ(::shutdown(peer_.get(), SHUT_WR), 0);
  await(POLLRDHUP);
  transport_->ready(EPOLLIN | EPOLLRDHUP);
  EXPECT_EQ(read(), "last");
  EXPECT_EQ(read(), "end");
}

// An end that comes after the events were fetched and before the read has an edge of its own.
TEST_F(TcpTransportTest, ReadsAnEndOfWhichItIsToldLater) {
  arrives("last");
  transport_->ready(EPOLLIN);
  EXPECT_EQ(read(), "last");
  ASSERT_EQ(::shutdown(peer_.get(), SHUT_WR), 0);
  await(POLLRDHUP);
  EXPECT_EQ(read(), "-");
  transport_->ready(EPOLLIN | EPOLLRDHUP);
  EXPECT_EQ(read(), "end");
}

// A read stops before urgent data (tcp(7)), and nothing tells that bytes stand behind it.
TEST_F(TcpTransportTest, ReadsOnBehindUrgentData) {
  arrives("before");
  arrives("!", MSG_OOB);
  arrives("behind");
  await(POLLPRI);
  transport_->ready(EPOLLIN | EPOLLPRI);
  std::string all = read();
  for (std::string more = read(); more != "-"; more = read()) all += more;
  EXPECT_EQ(all, "beforebehind");
}

TEST_F(TcpTransportTest, AsksEachTimeWhereNobodyTellsOfEdges) {
  arrives("one");
  EXPECT_EQ(read(), "one");
  arrives("two");
  EXPECT_EQ(read(), "two");
  EXPECT_EQ(read(), "-");
  arrives("three");
  EXPECT_EQ(read(), "three");
}

}  // namespace
}  // namespace efs::io
