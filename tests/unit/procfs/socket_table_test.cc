#include "efs/procfs/socket_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "efs/net/socket.h"

namespace efs::procfs {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// As Linux 6.1 prints it.
constexpr const char* kTable =
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout "
    "inode\n"
    "   0: 0100007F:4E51 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 "
    "4711 1 0000000000000000 100 0 0 10 0\n"
    "   1: 00000000:0801 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 "
    "4712 1 0000000000000000 100 0 0 10 0\n"
    "   2: 0A00020F:4E52 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 "
    "4713 1 0000000000000000 100 0 0 10 0\n"
    "   3: 0100007F:03FF 0100007F:4E51 01 00000000:00000000 02:000005DB 00000000     0        0 "
    "4714 2 0000000000000000 20 4 30 10 -1\n"
    "   4: 0100007F:4E53 0100007F:03FE 01 00000000:00000000 00:00000000 00000000     0        0 "
    "4715 1 0000000000000000 20 4 30 10 -1\n"
    "   5: 0100007F:03FD 0100007F:4E54 02 00000001:00000000 01:000000C8 00000003     0        0 "
    "4716 2 0000000000000000 800 0 0 1 7\n"
    "   6: 0100007F:03FC 0100007F:4E55 06 00000000:00000000 03:00000F96 00000000     0        0 0 "
    "3 0000000000000000\n"
    "   7: 0F02000A:03FB 0100000A:4E56 01 00000000:00000000 02:000005DB 00000000     0        0 "
    "4717 2 0000000000000000 20 4 30 10 -1\n";

TEST(SocketTable, FindsListenersOnLoopbackAndOnAllAddresses) {
  const auto table = SocketTable::parse(kTable);
  EXPECT_THAT(table.listeners(20049), ElementsAre(4711));
  EXPECT_THAT(table.listeners(2049), ElementsAre(4712));
  EXPECT_THAT(table.listeners(20050), IsEmpty()) << "listens on another address";
  EXPECT_THAT(table.listeners(1), IsEmpty());
}

// Else a local user's program that is called efs-proxy would pass for a mount's tunnel.
TEST(SocketTable, SocketOfAStrangerIsNobodysListener) {
  const std::string uid = std::to_string(::geteuid() + 1);
  const auto table = SocketTable::parse(
      "   0: 0100007F:4E51 00000000:0000 0A 00000000:00000001 00:00000000 00000000 " + uid +
      "        0 4711 1 0000000000000000 100 0 0 10 0\n");
  EXPECT_THAT(table.listeners(20049), IsEmpty());
  EXPECT_FALSE(table.hasUnaccepted(20049));
}

TEST(SocketTable, SeesConnectedAndConnectingClients) {
  const auto table = SocketTable::parse(kTable);
  EXPECT_TRUE(table.hasClient(20049));
  EXPECT_TRUE(table.hasClient(20052)) << "SYN_SENT";
  EXPECT_FALSE(table.hasClient(20051)) << "the server's end is no client";
  EXPECT_FALSE(table.hasClient(20053)) << "TIME_WAIT";
  EXPECT_FALSE(table.hasClient(20054)) << "a host elsewhere";
}

TEST(SocketTable, LeavesOutWhatItDoesNotUnderstand) {
  const auto table = SocketTable::parse(
      "garbage\n\n 0: 0100007F 0100007F:1 01\n 0: 0100007F:4E51 00000000:0000 0A x x x x x y\n"
      " 0: 0100007F:FFFFF 0100007F:4E51 01\n 0: zzzzzzzz:0001 0100007F:4E51 01");
  EXPECT_THAT(table.listeners(20049), IsEmpty());
  EXPECT_FALSE(table.hasClient(20049));
}

TEST(SocketTable, ReadsTheKernelsTable) {
  auto listener = net::listenLoopback(0);
  ASSERT_TRUE(listener);
  struct stat info {};
  ASSERT_EQ(::fstat(listener->fd.get(), &info), 0);
  auto table = SocketTable::read();
  ASSERT_TRUE(table);
  EXPECT_THAT(table->listeners(listener->port), ElementsAre(info.st_ino));
  EXPECT_FALSE(table->hasClient(listener->port));
  const auto client = net::connectTcp(
      *net::Endpoint::fromLiteral("127.0.0.1", static_cast<std::uint16_t>(listener->port)),
      Duration(1000));
  ASSERT_TRUE(client);
  table = SocketTable::read();
  ASSERT_TRUE(table);
  EXPECT_TRUE(table->hasClient(listener->port)) << "even before anybody accepted";
  EXPECT_TRUE(table->hasUnaccepted(listener->port));
  EXPECT_FALSE(table->hasAccepted(listener->port));
  UniqueFd served(::accept(listener->fd.get(), nullptr, nullptr));
  EXPECT_FALSE(SocketTable::read()->hasUnaccepted(listener->port));
  EXPECT_TRUE(SocketTable::read()->hasAccepted(listener->port));
  served.reset();
  EXPECT_FALSE(SocketTable::read()->hasAccepted(listener->port));
}

TEST(UnreadPorts, AreThoseWithAReceiveQueue) {
  const auto ports = unreadPorts(
      "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout "
      "inode\n"
      "   0: 0100007F:4E51 0100007F:D3F2 01 00000000:00000010 00:00000000 00000000     0 0 4711\n"
      "   1: 0100007F:4E52 0100007F:D3F3 01 00000010:00000000 00:00000000 00000000     0 0 4711\n"
      "   2: 0100007F:4E53 00000000:0000 0A 00000000:00000001 00:00000000 00000000     0 0 4711\n"
      "   3: 0200007F:4E54 0100007F:D3F2 01 00000000:00000010 00:00000000 00000000     0 0 4711\n"
      "   4: 0100007F:4E55 0100007F:D3F2 08 00000000:00000001 00:00000000 00000000     0 0 4711\n"
      "   5: 0100007F:4E56 0100007F\n");
  EXPECT_EQ(ports, (std::set<int>{0x4E51, 0x4E53}));
}

}  // namespace
}  // namespace efs::procfs
