#include "efs/net/socket_owner.h"

#include <gtest/gtest.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>

#include "efs/net/socket.h"
#include "efs/procfs/tcp_table.h"
#include "efs/test_support/temp_dir.h"

namespace efs::net {
namespace {

Endpoint loopback(int port) {
  return *Endpoint::fromLiteral("127.0.0.1", static_cast<std::uint16_t>(port));
}

Endpoint ownEnd(int fd) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  EXPECT_EQ(::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length), 0);
  return *Endpoint::fromSockaddr(reinterpret_cast<const sockaddr*>(&address), length);
}

std::uint64_t inodeOf(int fd) {
  struct stat info {};
  EXPECT_EQ(::fstat(fd, &info), 0);
  return info.st_ino;
}

// A pair over loopback; `from` tells where the answers come from.
class SocketOwnersTest : public testing::TestWithParam<bool> {
 protected:
  SocketOwnersTest() : listener_(std::move(*listenLoopback(0))) {
    auto connected = connectTcp(loopback(listener_.port), Duration(5000));
    EXPECT_TRUE(connected);
    client_ = std::move(*connected);
    accepted_.reset(::accept(listener_.fd.get(), nullptr, nullptr));
    EXPECT_TRUE(accepted_.valid());
    client_end_ = ownEnd(client_.get());
  }
  Result<FoundOwner> find(const Endpoint& local, const Endpoint& remote) {
    if (GetParam()) return findInTcpTable("/proc/net/tcp", local, remote);
    return owners_.find(local, remote);
  }
  // True where this kernel does not know sock_diag, so that the other source stands in.
  bool tableOnly() {
    owners_.prepare();
    return !owners_.whyTable().empty();
  }

  ListeningSocket listener_;
  UniqueFd client_;
  UniqueFd accepted_;
  Endpoint client_end_;
  // An absent table shows that the kernel answered.
  SocketOwners owners_{"/no/such/table"};
};

TEST_P(SocketOwnersTest, FindsTheOwnerOfTheOtherEnd) {
  if (!GetParam() && tableOnly()) GTEST_SKIP() << owners_.whyTable();
  const auto found = find(client_end_, loopback(listener_.port));
  ASSERT_TRUE(found) << found.error().message();
  ASSERT_TRUE(*found);
  EXPECT_EQ((*found)->uid, ::geteuid());
  EXPECT_EQ((*found)->inode, inodeOf(client_.get()));
  EXPECT_TRUE((*found)->connected);
}

TEST_P(SocketOwnersTest, AClosedSocketHasNoInode) {
  if (!GetParam() && tableOnly()) GTEST_SKIP() << owners_.whyTable();
  ASSERT_EQ(::write(client_.get(), "x", 1), 1);
  client_.reset();
  const auto found = find(client_end_, loopback(listener_.port));
  ASSERT_TRUE(found) << found.error().message();
  if (*found) {
    EXPECT_EQ((*found)->inode, 0U);
  }
}

TEST_P(SocketOwnersTest, FindsTheOwnerThatHasOnlyEndedItsSending) {
  if (!GetParam() && tableOnly()) GTEST_SKIP() << owners_.whyTable();
  ASSERT_EQ(::shutdown(client_.get(), SHUT_WR), 0);
  const auto found = find(client_end_, loopback(listener_.port));
  ASSERT_TRUE(found) << found.error().message();
  ASSERT_TRUE(*found);
  EXPECT_EQ((*found)->uid, ::geteuid());
  EXPECT_EQ((*found)->inode, inodeOf(client_.get()));
  EXPECT_TRUE((*found)->connected);
}

TEST_P(SocketOwnersTest, DoesNotTakeAListenerForAClient) {
  if (!GetParam() && tableOnly()) GTEST_SKIP() << owners_.whyTable();
  const auto found = find(loopback(listener_.port), loopback(1));
  ASSERT_TRUE(found) << found.error().message();
  EXPECT_FALSE(*found);
}

TEST_P(SocketOwnersTest, RefusesIpv6) {
  const auto six = *Endpoint::fromLiteral("::1", 1);
  EXPECT_EQ(find(six, six).error().kind(), ErrorKind::kInvalidInput);
}

INSTANTIATE_TEST_SUITE_P(Sources, SocketOwnersTest, testing::Bool(),
                         [](const auto& source) { return source.param ? "Table" : "Kernel"; });

TEST(SocketOwners, FailsWhenNoSourceCanBeRead) {
  EXPECT_FALSE(findInTcpTable("/no/such/table", loopback(1), loopback(2)));
  test_support::TempDir dir;
  const auto endless = dir.write("table", std::string(20000, 'x'));
  EXPECT_EQ(findInTcpTable(endless, loopback(1), loopback(2)).error().kind(), ErrorKind::kProtocol);
}

TEST(SocketOwners, AnswersFromOneReadingOfTheTableUntilItIsForgotten) {
  const test_support::TempDir dir;
  const std::string row =
      "   0: 0100007F:0003 0100007F:0002 01 00000000:00000000 00:00000000 "
      "00000000  1000        0 77 1\n";
  SocketOwners owners(dir.write("t", row));
  owners.forceTable();
  owners.readTable();
  dir.write("t", "");
  const auto found = owners.find(loopback(3), loopback(2));
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->uid, 1000U);
  EXPECT_EQ((*found)->inode, 77U);
  EXPECT_TRUE((*found)->connected);
  EXPECT_FALSE(owners.find(loopback(2), loopback(3)).value());
  owners.forget();
  EXPECT_FALSE(owners.find(loopback(3), loopback(2)).value());
}

TEST(SocketOwners, FindsARowBeyondTheFirstPiece) {
  test_support::TempDir dir;
  std::string table;
  const std::string other =
      "   1: 0100007F:0001 0100007F:0002 01 00000000:00000000 00:00000000 00000000  1000 0 5 1\n";
  while (table.size() < 100000) table += other;
  table +=
      "   9: 0100007F:0003 0100007F:0002 01 00000000:00000000 00:00000000 00000000 65534 0 77 1";
  const auto unfinished = findInTcpTable(dir.write("t", table), loopback(3), loopback(2));
  ASSERT_TRUE(unfinished);
  EXPECT_FALSE(*unfinished) << "a line without its end may be cut";
  const auto found = findInTcpTable(dir.write("t", table + "\n"), loopback(3), loopback(2));
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->uid, 65534U);
  EXPECT_EQ((*found)->inode, 77U);
}

// ---- the bytes of sock_diag(7)

class SockDiagReply : public testing::Test {
 protected:
  std::string answer() const {
    nlmsghdr header{};
    inet_diag_msg message{};
    header.nlmsg_len = sizeof header + sizeof message;
    header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
    header.nlmsg_seq = 9;
    message.idiag_family = AF_INET;
    message.idiag_state = procfs::kTcpEstablished;
    message.id.idiag_src[0] = message.id.idiag_dst[0] = htonl(INADDR_LOOPBACK);
    message.id.idiag_sport = htons(1023);
    message.id.idiag_dport = htons(20049);
    message.idiag_uid = 65534;
    message.idiag_inode = 5;
    return bytesOf(header) + bytesOf(message);
  }
  static std::string refusal(int error) {
    nlmsghdr header{};
    nlmsgerr message{};
    header.nlmsg_len = sizeof header + sizeof message;
    header.nlmsg_type = NLMSG_ERROR;
    header.nlmsg_seq = 9;
    message.error = error;
    return bytesOf(header) + bytesOf(message);
  }
  template <typename T>
  static std::string bytesOf(const T& value) {
    return {reinterpret_cast<const char*>(&value), sizeof value};
  }
  static Result<FoundOwner> parse(const std::string& bytes) {
    return parseSockDiagReply(bytes, 9, loopback(1023), loopback(20049));
  }
};

TEST_F(SockDiagReply, IsUnderstood) {
  const auto found = parse(answer());
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->uid, 65534U);
  EXPECT_TRUE((*found)->connected);
  EXPECT_TRUE(parse(answer() + "attributes behind it"));
}

TEST_F(SockDiagReply, OfAnotherSocketIsNoSocket) {
  const auto found = parseSockDiagReply(answer(), 9, loopback(1022), loopback(20049));
  ASSERT_TRUE(found);
  EXPECT_FALSE(*found);
}

TEST_F(SockDiagReply, ToAnotherQuestionIsStale) {
  EXPECT_EQ(parseSockDiagReply(answer(), 10, loopback(1023), loopback(20049)).error().kind(),
            ErrorKind::kBusy);
}

TEST_F(SockDiagReply, ErrorsAreTheKernels) {
  const auto absent = parse(refusal(-ENOENT));
  ASSERT_TRUE(absent);
  EXPECT_FALSE(*absent);
  EXPECT_EQ(parse(refusal(-EPERM)).error().kind(), ErrorKind::kPermission);
  EXPECT_EQ(parse(refusal(1)).error().kind(), ErrorKind::kProtocol);
  EXPECT_EQ(parse(refusal(INT32_MIN)).error().kind(), ErrorKind::kProtocol);
}

TEST_F(SockDiagReply, CutAnywhereIsAnError) {
  const std::string whole = answer();
  for (std::size_t length = 0; length < whole.size(); ++length)
    EXPECT_FALSE(parse(whole.substr(0, length))) << length;
}

}  // namespace
}  // namespace efs::net
