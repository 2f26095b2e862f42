// What may go over any connection of a partition, and what must stay on the first.
#include "efs/tls_tunnel/upstream/call_route.h"

#include <gtest/gtest.h>

#include "efs/rpc/message.h"
#include "efs/rpc/xdr.h"

namespace efs::tls_tunnel {
namespace {

enum Operation : std::uint32_t {
  kPutFh = 22,
  kRead = 25,
  kBindConnToSession = 41,
  kExchangeId = 42,
  kCreateSession = 43,
  kSequence = 53
};

struct Call {
  rpc::CallHeader header{7, rpc::kNfsProgram, rpc::kNfsVersion4, 1};
  std::string tag = {};
  std::uint32_t minor = 1;
  std::uint32_t first = kSequence;
  std::string rest = std::string(32, '\0');  // of SEQUENCE

  std::string bytes() const {
    rpc::XdrWriter out;
    rpc::writeCall(out, header, "host");
    if (header.procedure == 0) return out.bytes();
    out.opaque(tag);
    for (const std::uint32_t word : {minor, 3U, first}) out.u32(word);
    return out.bytes() + rest;
  }
  CallRoute route() const { return routeOf(bytes(), true).value(); }
};

TEST(CallRoute, FreesOnlyCompoundsThatBeginWithSequence) {
  EXPECT_TRUE(Call().route().free);
  EXPECT_EQ(Call().route().xid, 7U);
  for (const std::uint32_t operation : {std::uint32_t{kExchangeId}, std::uint32_t{kCreateSession},
                                        std::uint32_t{kBindConnToSession}, 24U, 0U}) {
    EXPECT_FALSE(Call{.first = operation}.route().free) << operation;
    EXPECT_TRUE(Call{.first = operation}.route().call);
  }
}

TEST(CallRoute, KeepsMinorVersionZeroNullAndOtherProgramsOnTheFirst) {
  EXPECT_FALSE(Call{.minor = 0}.route().free);
  EXPECT_TRUE(Call{.minor = 2}.route().free);
  Call null;
  null.header.procedure = 0;
  EXPECT_FALSE(null.route().free);
  Call other;
  other.header.program = 400123;
  EXPECT_FALSE(other.route().free);
  other.header = {7, rpc::kNfsProgram, 3, 1};
  EXPECT_FALSE(other.route().free);
}

TEST(CallRoute, OfAnAnswerToTheServersCallIsTheFirst) {
  rpc::XdrWriter reply;
  reply.u32(9);
  reply.u32(1);
  const auto route = routeOf(reply.bytes(), false);
  ASSERT_TRUE(route);
  EXPECT_FALSE(route->free);
  EXPECT_FALSE(route->call);
}

TEST(CallRoute, IsKnownFromTheHeaderAndNotBefore) {
  const Call call{.tag = "a tag"};
  const std::string bytes = call.bytes();
  const std::size_t header = bytes.size() - call.rest.size();
  for (std::size_t size = 0; size < header; ++size) {
    EXPECT_FALSE(routeOf(bytes.substr(0, size), false)) << size;
    EXPECT_FALSE(routeOf(bytes.substr(0, size), true)->free) << size;
  }
  for (std::size_t size = header; size <= bytes.size(); ++size)
    EXPECT_TRUE(routeOf(bytes.substr(0, size), false)->free) << size;
}

TEST(CallRoute, OfWhatCannotBeReadIsTheFirst) {
  EXPECT_FALSE(routeOf("", true)->free);
  EXPECT_FALSE(routeOf(std::string(kRouteBytes, '\xff'), false)->free);
  Call tag;
  tag.tag = std::string(5000, 't');
  const std::string bytes = tag.bytes();
  EXPECT_FALSE(routeOf(std::string_view(bytes).substr(0, kRouteBytes), false)->free);
}

TEST(CallRoute, TellsHowMuchAReadWillBring) {
  rpc::XdrWriter rest;
  rest.fixed(std::string(32, '\0'));
  rest.u32(kPutFh);
  rest.opaque(std::string(128, 'h'));
  rest.u32(kRead);
  rest.fixed(std::string(16, 's'));
  rest.u64(0);
  rest.u32(1 << 20);
  EXPECT_EQ(Call{.rest = rest.bytes()}.route().expected, 1U << 20U);
  EXPECT_EQ(Call().route().expected, 0U);
}

}  // namespace
}  // namespace efs::tls_tunnel
