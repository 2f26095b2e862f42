#include "efs/net/address.h"

#include <gtest/gtest.h>

#include <string>

namespace efs::net {
namespace {

TEST(Endpoint, ReadsIpv4Literal) {
  const auto endpoint = Endpoint::fromLiteral("10.1.2.3", 2049);
  ASSERT_TRUE(endpoint);
  EXPECT_FALSE(endpoint->isIpv6());
  EXPECT_EQ(endpoint->ip(), "10.1.2.3");
  EXPECT_EQ(endpoint->port(), 2049);
  EXPECT_EQ(endpoint->text(), "10.1.2.3:2049");
  EXPECT_EQ(endpoint->length(), sizeof(sockaddr_in));
}

TEST(Endpoint, ReadsIpv6LiteralAndWritesItInBrackets) {
  const auto endpoint = Endpoint::fromLiteral("FD00::0001", 443);
  ASSERT_TRUE(endpoint);
  EXPECT_TRUE(endpoint->isIpv6());
  EXPECT_EQ(endpoint->ip(), "fd00::1");
  EXPECT_EQ(endpoint->text(), "[fd00::1]:443");
  EXPECT_EQ(endpoint->length(), sizeof(sockaddr_in6));
}

TEST(Endpoint, RefusesEverythingThatIsNoLiteral) {
  using namespace std::string_literals;
  for (const auto& text :
       {""s, "localhost"s, "1.2.3"s, "1.2.3.4.5"s, "256.1.1.1"s, " 1.2.3.4"s, "1.2.3.4 "s, "[::1]"s,
        "::1%lo"s, "1.2.3.4\0x"s, ":::"s, std::string(500, ':')}) {
    EXPECT_FALSE(isIpLiteral(text)) << text;
  }
}

TEST(Endpoint, RefusesShortOrForeignSocketAddress) {
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  const auto* address = reinterpret_cast<const sockaddr*>(&v4);
  EXPECT_TRUE(Endpoint::fromSockaddr(address, sizeof v4));
  EXPECT_FALSE(Endpoint::fromSockaddr(address, sizeof v4 - 1));
  EXPECT_FALSE(Endpoint::fromSockaddr(nullptr, sizeof v4));
  v4.sin_family = AF_UNIX;
  EXPECT_FALSE(Endpoint::fromSockaddr(address, sizeof v4));
}

TEST(Endpoint, DefaultHasNoAddress) {
  const Endpoint none;
  EXPECT_EQ(none.length(), 0U);
  EXPECT_EQ(none.port(), 0);
  EXPECT_EQ(none.ip(), "");
}

}  // namespace
}  // namespace efs::net
