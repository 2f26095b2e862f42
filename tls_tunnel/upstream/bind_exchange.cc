#include "efs/tls_tunnel/upstream/bind_exchange.h"

#include <algorithm>
#include <span>

#include "efs/base/text.h"
#include "efs/rpc/message.h"
#include "efs/rpc/record.h"
#include "efs/rpc/xdr.h"

namespace efs::tls_tunnel {
namespace {

constexpr std::uint32_t kProgram = 400123;
constexpr std::uint32_t kVersion = 1;
constexpr std::uint32_t kBindClientToPartition = 2;
constexpr std::size_t kPartition = 64;
constexpr std::size_t kMostText = 1024;
// An answer has at most text, header and four numbers.
constexpr std::uint32_t kMostReply = 4096;
// Beyond that a number makes no sense, and ours stands.
constexpr std::uint32_t kMostSeconds = 3600;

enum Type : std::uint32_t { kRetry = 0, kRetryLater, kPreferred, kReady, kError };

void readUnion(rpc::XdrReader& in, BindAnswer& answer) {
  using Kind = BindAnswer::Kind;
  switch (in.u32()) {
    case kRetry:
      answer.kind = Kind::kRetry;
      break;
    case kRetryLater:
      answer.kind = Kind::kRetryLater;
      break;
    case kError:
      answer.kind = Kind::kError;
      break;
    // The server would like us elsewhere; only the search, which may choose, does something about
    // it.
    case kPreferred:
      answer.kind = Kind::kPreferred;
      answer.partition = std::string(in.fixed(kPartition));
      return;
    case kReady:
      answer.kind = Kind::kReady;
      answer.partition = std::string(in.fixed(kPartition));
      return;
    default:
      return;
  }
  // It goes into the log.
  answer.text = printable(in.opaque(kMostText));
}

// Signed on the wire: a negative one is above every limit here.
ScaleTerms readTerms(rpc::XdrReader& in) {
  constexpr std::uint32_t kMostInt = 0x7FFFFFFF;
  ScaleTerms terms;
  const auto connections = in.u32();
  const auto threshold = in.u32();
  const auto exceeded = in.u32();
  in.u32();  // look-back: we judge each second by itself
  if (connections >= 1 && connections <= kMostInt)
    terms.max_connections = std::min(connections, ScaleTerms::kMostConnections);
  if (threshold >= 1 && threshold <= kMostInt) terms.bytes_per_second = threshold;
  if (exceeded >= 1 && exceeded <= kMostSeconds) terms.exceeded = std::chrono::seconds(exceeded);
  return terms;
}

}  // namespace

std::string bindCall(std::uint32_t xid, const BindIdentity& who) {
  rpc::XdrWriter out;
  rpc::writeCall(out, {xid, kProgram, kVersion, kBindClientToPartition}, std::nullopt);
  out.opaque({who.identifier.data(), who.identifier.size()});
  rpc::XdrWriter incarnation;
  incarnation.u64(who.incarnation);
  out.opaque(incarnation.bytes());
  return rpc::wrapRecord(out.bytes());
}

Result<BindAnswer> readBindAnswer(std::string_view message, std::uint32_t xid) {
  rpc::XdrReader in(message);
  EFS_CHECK(rpc::readReply(in, xid));
  BindAnswer answer;
  readUnion(in, answer);
  answer.terms = readTerms(in);
  if (!in.ok()) return Error(ErrorKind::kProtocol, "malformed answer to the bind call");
  return answer;
}

std::optional<Error> BindExchange::send() {
  while (sent_ < call_.size()) {
    const auto left = std::as_bytes(std::span(call_)).subspan(sent_);
    const auto result = transport_.write(left);
    if (result.state == io::IoState::kFailed) return transport_.error();
    if (result.state != io::IoState::kDone) return std::nullopt;
    sent_ += result.bytes;
  }
  if (transport_.flush().state == io::IoState::kFailed) return transport_.error();
  return std::nullopt;
}

std::optional<Result<BindAnswer>> BindExchange::step() {
  if (auto failed = send()) return Result<BindAnswer>(unexpected(std::move(*failed)));
  for (;;) {
    std::size_t wanted = rpc::kMarkSize;
    if (reply_.size() >= rpc::kMarkSize) {
      rpc::XdrReader mark(reply_);
      const auto fragment = rpc::RecordMark::decode(mark.u32());
      // One fragment: an answer of a few hundred bytes that comes in several is none that we know.
      if (!fragment.last || fragment.length > kMostReply)
        return Result<BindAnswer>(
            Error(ErrorKind::kProtocol, "an answer too long to the bind call"));
      wanted += fragment.length;
      if (reply_.size() == wanted)
        return readBindAnswer(std::string_view(reply_).substr(rpc::kMarkSize), xid_);
    }
    const std::size_t had = reply_.size();
    // Exactly as much as belongs to the answer: what follows is NFS and the relay's.
    reply_.resize(wanted);
    const auto result = transport_.read(std::as_writable_bytes(std::span(reply_)).subspan(had));
    reply_.resize(had + (result.state == io::IoState::kDone ? result.bytes : 0));
    if (result.state == io::IoState::kEnd)
      return Result<BindAnswer>(Error(ErrorKind::kReset, "server closed the connection"));
    if (result.state == io::IoState::kFailed) return Result<BindAnswer>(transport_.error());
    if (result.state != io::IoState::kDone) return std::nullopt;
  }
}

}  // namespace efs::tls_tunnel
