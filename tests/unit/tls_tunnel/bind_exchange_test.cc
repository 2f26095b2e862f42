// The private bind call: bytes as efs-proxy 3.2.0 sends them, and every answer of the server.
#include "efs/tls_tunnel/upstream/bind_exchange.h"

#include <gtest/gtest.h>

#include "efs/rpc/message.h"
#include "efs/rpc/record.h"
#include "efs/rpc/xdr.h"
#include "memory_transport.h"

namespace efs::tls_tunnel {
namespace {

using Kind = BindAnswer::Kind;

constexpr std::uint32_t kXid = 0x01020304;

BindIdentity identity() {
  BindIdentity who;
  who.identifier.fill('u');
  who.incarnation = 7;
  return who;
}

std::string reply(const std::string& result, std::uint32_t accepted = 0, std::uint32_t xid = kXid) {
  rpc::XdrWriter out;
  for (const std::uint32_t word : {xid, 1U, 0U, 0U, 0U, accepted}) out.u32(word);
  return out.bytes() + result;
}

std::string terms(std::uint32_t most = 5, std::uint32_t rate = 1000, std::uint32_t exceeded = 2) {
  rpc::XdrWriter out;
  for (const std::uint32_t word : {most, rate, exceeded, 1U}) out.u32(word);
  return out.bytes();
}

std::string answer(std::uint32_t type, const std::string& text) {
  rpc::XdrWriter out;
  out.u32(type);
  if (type == 2 || type == 3) {
    out.fixed(text);
  } else if (type <= 4) {
    out.opaque(text);
  }
  return out.bytes();
}

// TUN-11
TEST(BindCall, IsOneRecordOfProgram400123) {
  const std::string record = bindCall(kXid, identity());
  rpc::XdrReader in(record);
  const auto mark = rpc::RecordMark::decode(in.u32());
  EXPECT_TRUE(mark.last);
  EXPECT_EQ(mark.length, record.size() - rpc::kMarkSize);
  const auto header = rpc::readCall(in);
  EXPECT_EQ(header.xid, kXid);
  EXPECT_EQ(header.program, 400123U);
  EXPECT_EQ(header.version, 1U);
  EXPECT_EQ(header.procedure, 2U);
  EXPECT_EQ(in.opaque(16), std::string(16, 'u'));
  EXPECT_EQ(in.opaque(8), std::string("\0\0\0\0\0\0\0\7", 8));
  EXPECT_TRUE(in.ok());
  EXPECT_EQ(in.left(), 0U);
}

TEST(BindAnswer, OfEveryKindIsRead) {
  const std::string partition(64, 'p');
  const std::vector<std::tuple<std::uint32_t, std::string, Kind>> kinds = {
      {0, "busy", Kind::kRetry},        {1, "later", Kind::kRetryLater},
      {2, partition, Kind::kPreferred}, {3, partition, Kind::kReady},
      {4, "no\n", Kind::kError},        {5, "", Kind::kUnknown},
      {0xFFFFFFFF, "", Kind::kUnknown}};
  for (const auto& [type, text, kind] : kinds) {
    const auto read = readBindAnswer(reply(answer(type, text) + terms()), kXid);
    ASSERT_TRUE(read) << type << read.error().describe();
    EXPECT_EQ(read->kind, kind);
    EXPECT_EQ(read->partition, type == 2 || type == 3 ? partition : "");
    EXPECT_EQ(read->text.find('\n'), std::string::npos) << "for the log";
    EXPECT_EQ(read->terms.max_connections, 5U);
    EXPECT_EQ(read->terms.bytes_per_second, 1000U);
    EXPECT_EQ(read->terms.exceeded, Duration{2000});
  }
}

TEST(BindAnswer, WithSenselessTermsKeepsOurs) {
  const ScaleTerms ours;
  for (const std::uint32_t bad : {0U, 0x80000000U, 0xFFFFFFFFU}) {
    const auto read = readBindAnswer(reply(answer(0, "") + terms(bad, bad, bad)), kXid);
    ASSERT_TRUE(read);
    EXPECT_EQ(read->terms.max_connections, ours.max_connections);
    EXPECT_EQ(read->terms.bytes_per_second, ours.bytes_per_second);
    EXPECT_EQ(read->terms.exceeded, ours.exceeded);
  }
  const auto many = readBindAnswer(reply(answer(0, "") + terms(1000)), kXid);
  EXPECT_EQ(many->terms.max_connections, ScaleTerms::kMostConnections);
}

TEST(BindAnswer, ThatEndsEarlyIsRefused) {
  const std::string whole = reply(answer(3, std::string(64, 'p')) + terms());
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_FALSE(readBindAnswer(whole.substr(0, size), kXid)) << size;
}

TEST(BindAnswer, OfAServerWithoutTheProgramSaysSo) {
  EXPECT_EQ(readBindAnswer(reply("", 1), kXid).error().kind(), ErrorKind::kUnsupported);
  EXPECT_EQ(readBindAnswer(reply("", 3), kXid).error().kind(), ErrorKind::kProtocol);
  EXPECT_EQ(readBindAnswer(reply(answer(0, "") + terms(), 0, 9), kXid).error().kind(),
            ErrorKind::kProtocol)
      << "another call's";
}

TEST(BindExchange, ReadsItsAnswerAndNotAByteMore) {
  for (const std::size_t step : {std::size_t{1}, std::size_t{7}, MemoryTransport::kNever}) {
    MemoryTransport server;
    server.step = step;
    server.blocks_between = true;
    const std::string record = rpc::wrapRecord(reply(answer(3, std::string(64, 'p')) + terms()));
    server.input = record + "NFS";
    BindExchange exchange(server, kXid, identity());
    std::optional<Result<BindAnswer>> got;
    for (int i = 0; i < 2000 && !got; ++i) got = exchange.step();
    ASSERT_TRUE(got && *got) << step;
    EXPECT_EQ((*got)->kind, Kind::kReady);
    EXPECT_EQ(server.sent, record.size());
    EXPECT_EQ(server.output, bindCall(kXid, identity()));
  }
}

TEST(BindExchange, EndsWithTheConnectionOrAnAnswerThatIsTooLong) {
  MemoryTransport closed;
  closed.ends = true;
  auto got = BindExchange(closed, kXid, identity()).step();
  ASSERT_TRUE(got && !*got);
  EXPECT_EQ(got->error().kind(), ErrorKind::kReset);
  MemoryTransport broken;
  broken.break_writing_at = 3;
  EXPECT_FALSE(BindExchange(broken, kXid, identity()).step().value());
  MemoryTransport endless;
  endless.input = std::string("\x80\x10\x00\x00", 4);
  got = BindExchange(endless, kXid, identity()).step();
  ASSERT_TRUE(got && !*got);
  EXPECT_EQ(got->error().kind(), ErrorKind::kProtocol);
}

}  // namespace
}  // namespace efs::tls_tunnel
