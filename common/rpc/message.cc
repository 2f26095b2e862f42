#include "efs/rpc/message.h"

#include "efs/rpc/record.h"

namespace efs::rpc {
namespace {

constexpr std::uint32_t kRpcVersion = 2;
constexpr std::uint32_t kAuthNone = 0;
constexpr std::uint32_t kAuthSys = 1;
// RFC 5531 section 8.2: a credential or verifier has at most 400 bytes.
constexpr std::size_t kMaxAuthBody = 400;

enum ReplyStat : std::uint32_t { kMsgAccepted = 0, kMsgDenied = 1 };
enum RejectStat : std::uint32_t { kRpcMismatch = 0, kAuthError = 1 };
enum AcceptStat : std::uint32_t {
  kSuccess = 0,
  kProgUnavailable = 1,
  kProgMismatch = 2,
  kProcUnavailable = 3,
  kGarbageArgs = 4,
  kSystemError = 5,
};

Error broken() { return Error(ErrorKind::kProtocol, "malformed RPC reply"); }

Status judgeDenied(XdrReader& in) {
  const auto reason = in.u32();
  const auto detail = in.u32();
  if (!in.ok()) return broken();
  if (reason == kAuthError) {
    return Error(ErrorKind::kPermission,
                 "RPC call denied, authentication error " + std::to_string(detail));
  }
  if (reason == kRpcMismatch) return Error(ErrorKind::kUnsupported, "RPC version 2 is not served");
  return broken();
}

Status judgeAccepted(std::uint32_t status) {
  switch (status) {
    case kSuccess:
      return {};
    case kProgUnavailable:
      return Error(ErrorKind::kUnsupported, "RPC program is not served");
    case kProgMismatch:
      return Error(ErrorKind::kUnsupported, "version of the RPC program is not served");
    case kProcUnavailable:
      return Error(ErrorKind::kProtocol, "RPC procedure is unknown to the server");
    case kGarbageArgs:
      return Error(ErrorKind::kProtocol, "the server cannot decode the RPC arguments");
    case kSystemError:
      return Error(ErrorKind::kProtocol, "the server reports a system error");
    default:
      return broken();
  }
}

}  // namespace

std::optional<MessagePrefix> readPrefix(std::string_view message) {
  XdrReader in(message);
  const auto xid = in.u32();
  const auto direction = in.u32();
  if (!in.ok() || direction > static_cast<std::uint32_t>(Direction::kReply)) return std::nullopt;
  return MessagePrefix{xid, static_cast<Direction>(direction)};
}

bool beginsWithQuestion(std::string_view start) {
  XdrReader in(start);
  in.u32();  // the record's mark
  return in.u32() == kQuestionXid && in.ok();
}

void writeAuthSysRoot(XdrWriter& out, std::string_view machine) {
  out.u32(0);  // stamp
  out.opaque(machine);
  out.u32(0);  // uid
  out.u32(0);  // gid
  out.u32(0);  // no further groups
}

void writeCall(XdrWriter& out, const CallHeader& header, std::optional<std::string_view> machine) {
  out.u32(header.xid);
  out.u32(static_cast<std::uint32_t>(Direction::kCall));
  out.u32(kRpcVersion);
  out.u32(header.program);
  out.u32(header.version);
  out.u32(header.procedure);
  if (machine) {
    XdrWriter body;
    writeAuthSysRoot(body, *machine);
    out.u32(kAuthSys);
    out.opaque(body.bytes());
  } else {
    out.u32(kAuthNone);
    out.opaque("");
  }
  out.u32(kAuthNone);  // verifier
  out.opaque("");
}

CallHeader readCall(XdrReader& in) {
  CallHeader header;
  header.xid = in.u32();
  if (in.u32() != static_cast<std::uint32_t>(Direction::kCall)) in.fail();
  if (in.u32() != kRpcVersion) in.fail();
  header.program = in.u32();
  header.version = in.u32();
  header.procedure = in.u32();
  for (int part = 0; part < 2; ++part) {  // credential, verifier
    in.u32();
    in.opaque(kMaxAuthBody);
  }
  return header;
}

std::string nullCall(std::uint32_t xid, std::uint32_t program, std::uint32_t version) {
  XdrWriter out;
  writeCall(out, {xid, program, version, 0}, std::nullopt);
  return wrapRecord(out.bytes());
}

Status readReply(XdrReader& in, std::uint32_t xid) {
  const auto reply_xid = in.u32();
  const auto direction = in.u32();
  const auto status = in.u32();
  if (!in.ok() || direction != static_cast<std::uint32_t>(Direction::kReply)) return broken();
  if (reply_xid != xid) return Error(ErrorKind::kProtocol, "RPC reply to another call");
  if (status == kMsgDenied) return judgeDenied(in);
  if (status != kMsgAccepted) return broken();
  in.u32();  // verifier
  in.opaque(kMaxAuthBody);
  const auto accepted = in.u32();
  if (!in.ok()) return broken();
  return judgeAccepted(accepted);
}

}  // namespace efs::rpc
