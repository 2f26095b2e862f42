// The probe against hostile and refusing servers over a socket pair: all replies lie in the socket
// before the probe begins, so no test needs a thread or the time.
#include "efs/rpc/nfs_probe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>

#include "efs/base/unique_fd.h"
#include "efs/rpc/message.h"
#include "efs/rpc/record.h"
#include "efs/rpc/xdr.h"
#include "efs/test_support/real_clock.h"

namespace efs::rpc {
namespace {

using ::testing::HasSubstr;

constexpr Duration kPatience{5000};
constexpr std::uint32_t kFirstXid = 100;
const test_support::RealClock kClock("a server at the other end of a socket");

struct Wire {
  UniqueFd probe, server;
  Wire() {
    std::array<int, 2> fds{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds.data()) != 0) std::abort();
    probe.reset(fds[0]);
    server.reset(fds[1]);
  }
  void put(std::string_view bytes) const {
    EXPECT_EQ(::send(server.get(), bytes.data(), bytes.size(), 0),
              static_cast<ssize_t>(bytes.size()));
  }
  void end() const { ::shutdown(server.get(), SHUT_WR); }
  Result<ProbeResult> run(Duration patience = kPatience) const {
    return probeNfs(probe.get(), kClock, patience, {kFirstXid, "verifier", "owner", "host"});
  }
  // The calls the probe sent, without marks.
  std::vector<std::string> calls() const {
    std::array<char, 65536> buffer{};
    const ssize_t got = ::recv(server.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    std::string_view stream(buffer.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
    std::vector<std::string> out;
    RecordReader reader;
    while (!stream.empty()) {
      stream.remove_prefix(reader.feed(stream).value());
      if (reader.complete()) out.emplace_back(reader.record());
    }
    return out;
  }
};

std::string accepted(std::uint32_t xid, const XdrWriter& results = {}) {
  XdrWriter out;
  for (const std::uint32_t word : {xid, 1U, 0U, 0U, 0U, 0U}) out.u32(word);
  return wrapRecord(out.bytes() + results.bytes());
}

// COMPOUND4res: status, empty tag, number of results.
XdrWriter compound(std::uint32_t status, std::uint32_t count) {
  XdrWriter out;
  out.u32(status);
  out.opaque("");
  out.u32(count);
  return out;
}

std::string single(std::uint32_t xid, std::uint32_t operation, std::uint32_t status) {
  auto out = compound(status, 1);
  out.u32(operation);
  out.u32(status);
  return accepted(xid, out);
}

std::string exchangeIdReply(std::uint32_t xid, std::string_view owner = "ganesha") {
  auto out = compound(0, 1);
  out.u32(42);
  out.u32(0);
  out.u64(0x1122334455667788);
  out.u32(1);  // sequence
  out.u32(0);  // flags
  out.u32(0);  // SP4_NONE
  out.u64(0);
  out.opaque(owner);
  out.opaque("scope");
  out.u32(0);
  return accepted(xid, out);
}

std::string createSessionReply(std::uint32_t xid) {
  auto out = compound(0, 1);
  out.u32(43);
  out.u32(0);
  out.fixed("0123456789abcdef");
  out.u32(1);
  out.u32(0);
  return accepted(xid, out);
}

std::string rootReply(std::uint32_t xid, std::uint32_t type = 2) {
  auto out = compound(0, 3);
  out.u32(53);
  out.u32(0);
  out.fixed("0123456789abcdef");
  for (int i = 0; i < 5; ++i) out.u32(0);
  out.u32(24);
  out.u32(0);
  out.u32(9);
  out.u32(0);
  out.u32(1);
  out.u32(2);
  XdrWriter values;
  values.u32(type);
  out.opaque(values.bytes());
  return accepted(xid, out);
}

// SEQUENCE succeeds, PUTROOTFH does not.
std::string rootDenied(std::uint32_t xid, std::uint32_t status) {
  auto out = compound(status, 2);
  out.u32(53);
  out.u32(0);
  out.fixed("0123456789abcdef");
  for (int i = 0; i < 5; ++i) out.u32(0);
  out.u32(24);
  out.u32(status);
  return accepted(xid, out);
}

struct Expected {
  ErrorKind kind;
  std::string text;
};
void expectError(const Result<ProbeResult>& result, const Expected& expected) {
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind(), expected.kind) << result.error().message();
  EXPECT_THAT(result.error().message(), HasSubstr(expected.text));
}

TEST(NfsProbe, AsksInOrderAndCleansUp) {
  const Wire wire;
  wire.put(accepted(100) + exchangeIdReply(101) + createSessionReply(102) + rootReply(103) +
           single(104, 44, 0) + single(105, 57, 0));
  const auto result = wire.run();
  ASSERT_TRUE(result) << result.error().message();
  EXPECT_EQ(result->server_owner, "ganesha");
  const auto calls = wire.calls();
  ASSERT_EQ(calls.size(), 6U);
  std::uint32_t xid = kFirstXid;
  for (const auto& bytes : calls) {
    XdrReader in(bytes);
    const auto call = readCall(in);
    EXPECT_TRUE(in.ok());
    EXPECT_EQ(call.xid, xid);
    EXPECT_EQ(call.program, kNfsProgram);
    EXPECT_EQ(call.version, kNfsVersion4);
    EXPECT_EQ(call.procedure, xid == kFirstXid ? 0U : 1U);
    ++xid;
  }
  // DESTROY_CLIENTID of the id that EXCHANGE_ID gave
  XdrReader last(calls.back());
  readCall(last);
  last.opaque(0);
  last.u32();
  last.u32();
  EXPECT_EQ(last.u32(), 57U);
  EXPECT_EQ(last.u64(), 0x1122334455667788U);
}

TEST(NfsProbe, ServerOwnerIsMadePrintable) {
  const Wire wire;
  wire.put(accepted(100) + exchangeIdReply(101, std::string_view("a\0b\n", 4)) +
           createSessionReply(102) + rootReply(103));
  wire.end();
  const auto result = wire.run();
  ASSERT_TRUE(result) << result.error().message();
  EXPECT_EQ(result->server_owner, "a?b?");
}

TEST(NfsProbe, CloseBeforeTheFirstAnswerIsReset) {
  const Wire wire;
  wire.end();
  expectError(wire.run(), {ErrorKind::kReset, "before the first answer"});
}

TEST(NfsProbe, PeerThatIsGoneIsResetAndRaisesNoSignal) {
  Wire wire;
  wire.server.reset();
  expectError(wire.run(), {ErrorKind::kReset, "before the first answer"});
}

TEST(NfsProbe, CloseLaterOnIsProtocolAndNamesTheStep) {
  const Wire wire;
  wire.put(accepted(100));
  wire.end();
  expectError(wire.run(), {ErrorKind::kProtocol, "EXCHANGE_ID: the server closed the connection"});
}

TEST(NfsProbe, SilenceIsATimeout) {
  const Wire wire;
  expectError(wire.run(Duration(20)), {ErrorKind::kTimeout, "NULL"});
}

TEST(NfsProbe, RpcDenialIsPermissionAtEveryStep) {
  XdrWriter denied;
  for (const std::uint32_t word : {101U, 1U, 1U, 1U, 2U}) denied.u32(word);
  const Wire wire;
  wire.put(accepted(100) + wrapRecord(denied.bytes()));
  expectError(wire.run(), {ErrorKind::kPermission, "EXCHANGE_ID: RPC call denied"});
}

TEST(NfsProbe, NfsDenialIsPermissionAtEveryStep) {
  for (const std::uint32_t status : {1U, 13U, 10016U}) {
    const Wire exchange, create, root;
    exchange.put(accepted(100) + single(101, 42, status));
    expectError(exchange.run(), {ErrorKind::kPermission, "EXCHANGE_ID"});
    create.put(accepted(100) + exchangeIdReply(101) + single(102, 43, status));
    create.end();
    expectError(create.run(), {ErrorKind::kPermission, "CREATE_SESSION"});
    root.put(accepted(100) + exchangeIdReply(101) + createSessionReply(102) +
             rootDenied(103, status));
    root.end();
    expectError(root.run(), {ErrorKind::kPermission, "root directory"});
  }
}

// The client id must not stay behind after a denial.
TEST(NfsProbe, CleansUpAfterADenial) {
  const Wire wire;
  wire.put(accepted(100) + exchangeIdReply(101) + single(102, 43, 13) + single(103, 57, 0));
  expectError(wire.run(), {ErrorKind::kPermission, "NFS4ERR_ACCESS"});
  EXPECT_EQ(wire.calls().size(), 4U);
}

TEST(NfsProbe, ServerWithoutMinorVersionOneIsUnsupported) {
  const Wire wire;
  wire.put(accepted(100) + accepted(101, compound(10021, 0)));
  expectError(wire.run(), {ErrorKind::kUnsupported, "NFSv4.1"});
}

TEST(NfsProbe, DelayIsBusy) {
  const Wire wire;
  wire.put(accepted(100) + single(101, 42, 10008));
  expectError(wire.run(), {ErrorKind::kBusy, "NFS4ERR_DELAY"});
}

TEST(NfsProbe, PassesOverCallsOfTheServer) {
  XdrWriter callback;
  writeCall(callback, {1, 0x40000000, 1, 0}, std::nullopt);
  const auto foreign = wrapRecord(callback.bytes());
  const Wire wire;
  wire.put(foreign + accepted(100) + foreign + exchangeIdReply(101) + createSessionReply(102) +
           rootReply(103));
  wire.end();
  EXPECT_TRUE(wire.run());
  const Wire endless;
  for (int i = 0; i < 20; ++i) endless.put(foreign);
  expectError(endless.run(), {ErrorKind::kProtocol, "instead of a reply"});
}

TEST(NfsProbe, HostileRepliesAreProtocol) {
  const auto good = exchangeIdReply(101);
  std::vector<std::string> replies = {
      accepted(999),                                 // another xid
      wrapRecord("abc"),                             // no RPC message
      accepted(101),                                 // results cut off
      accepted(101, compound(0, 0xffffffff)),        // results without end
      accepted(101, compound(0, 0)),                 // success without results
      single(101, 43, 0),                            // result of another operation
      std::string("\x7f\xff\xff\xff", 4),            // fragment of 2 GiB
      std::string("\0\0\0\0", 4),                    // empty fragment
      exchangeIdReply(101, std::string(1025, 'x')),  // owner above its limit
  };
  // the good reply, cut after every word but the last (the empty implementation id)
  for (std::size_t size = 28; size + 4 + 12 < good.size(); size += 4) {
    replies.push_back(wrapRecord(std::string_view(good).substr(4, size - 4)));
  }
  for (const auto& reply : replies) {
    const Wire wire;
    wire.put(accepted(100) + reply);
    wire.end();
    expectError(wire.run(), {ErrorKind::kProtocol, "EXCHANGE_ID"});
  }
}

TEST(NfsProbe, RootThatIsNoDirectoryIsProtocol) {
  const Wire wire;
  wire.put(accepted(100) + exchangeIdReply(101) + createSessionReply(102) + rootReply(103, 1));
  wire.end();
  expectError(wire.run(), {ErrorKind::kProtocol, "root directory"});
}

TEST(NfsProbe, PingNeedsOnlyAnAnswerToNull) {
  const Wire wire;
  wire.end();
  EXPECT_EQ(pingNfs(wire.probe.get(), kClock, kPatience).error().kind(), ErrorKind::kReset);
}

TEST(ProbeIdentity, IsNeverUsedTwice) {
  const auto first = ProbeIdentity::random();
  const auto second = ProbeIdentity::random();
  ASSERT_TRUE(first && second);
  EXPECT_NE(first->client_owner, second->client_owner);
  EXPECT_NE(first->verifier, second->verifier);
  EXPECT_EQ(first->verifier.size(), 8U);
  EXPECT_LE(first->machine.size(), 255U);
}

}  // namespace
}  // namespace efs::rpc
