// Headers of RPC calls and replies (RFC 5531 sections 9 and 10). A "message" is a record's content
// without marks.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "efs/base/result.h"
#include "efs/rpc/xdr.h"

namespace efs::rpc {

inline constexpr std::uint32_t kNfsProgram = 100003;
inline constexpr std::uint32_t kNfsVersion4 = 4;

enum class Direction : std::uint32_t { kCall = 0, kReply = 1 };

// What every message begins with: enough to spread calls and to pair replies with them.
struct MessagePrefix {
  std::uint32_t xid = 0;
  Direction direction = Direction::kCall;
};
// nullopt when the message is too short or of no known direction.
std::optional<MessagePrefix> readPrefix(std::string_view message);

// The call of a connection that only asks whether the server answers (pingNfs): nobody's work waits
// for the answer, so the tunnel does not count it among what waits. "EFSQ"; the kernel's begin at
// random.
inline constexpr std::uint32_t kQuestionXid = 0x45465351;
// Is this the beginning of a stream whose first message is a question? `start`: the first eight
// bytes, or all there are.
bool beginsWithQuestion(std::string_view start);

struct CallHeader {
  std::uint32_t xid = 0;
  std::uint32_t program = 0;
  std::uint32_t version = 0;
  std::uint32_t procedure = 0;
};

// AUTH_SYS (RFC 5531 appendix A) of uid 0 and gid 0, as the kernel itself speaks for its state.
void writeAuthSysRoot(XdrWriter& out, std::string_view machine);
// The call's header with that credential, or with AUTH_NONE when `machine` is nullopt; the
// arguments follow.
void writeCall(XdrWriter& out, const CallHeader& header, std::optional<std::string_view> machine);
// Reads a call's header with credential and verifier; the reader is then at the arguments. The
// reader fails on what is no call of RPC version 2.
CallHeader readCall(XdrReader& in);

// Procedure 0 of a program, without credential, as a whole record: every server answers it.
std::string nullCall(std::uint32_t xid, std::uint32_t program = kNfsProgram,
                     std::uint32_t version = kNfsVersion4);

// Reads a reply's header; success: the reader is at the results. kPermission: authentication or
// credential refused; kUnsupported: program or version not served; kProtocol: everything else,
// also another xid.
Status readReply(XdrReader& in, std::uint32_t xid);

}  // namespace efs::rpc
