#include "efs/tls_tunnel/upstream/call_route.h"

#include "efs/rpc/message.h"
#include "efs/rpc/xdr.h"

namespace efs::tls_tunnel {
namespace {

constexpr std::uint32_t kCompound = 1;
constexpr std::size_t kMostTag = 1024;
constexpr std::size_t kStateId = 16;
constexpr std::size_t kSessionId = 16;
constexpr std::size_t kFileHandle = 128;  // RFC 8881 section 2.7: NFS4_FHSIZE

enum Operation : std::uint32_t { kPutFh = 22, kRead = 25, kSequence = 53 };

// SEQUENCE, PUTFH, READ, as Linux reads. The operation of SEQUENCE has been read.
std::uint32_t bytesOfRead(rpc::XdrReader& in) {
  in.fixed(kSessionId);
  for (int i = 0; i < 4; ++i) in.u32();  // sequence id, slot, highest slot, cache this
  if (in.u32() != kPutFh) return 0;
  in.opaque(kFileHandle);
  if (in.u32() != kRead) return 0;
  in.fixed(kStateId);
  in.u64();  // offset
  const auto count = in.u32();
  return in.ok() ? count : 0;
}

}  // namespace

std::optional<CallRoute> routeOf(std::string_view start, bool whole) {
  CallRoute route;
  const auto prefix = rpc::readPrefix(start);
  const bool all = whole || start.size() >= kRouteBytes;
  if (!prefix) return all || start.size() >= 8 ? std::optional(route) : std::nullopt;
  if (prefix->direction != rpc::Direction::kCall) return route;
  route.call = true;
  route.xid = prefix->xid;
  rpc::XdrReader in(start);
  const rpc::CallHeader header = rpc::readCall(in);
  if (!in.ok() && !all) return std::nullopt;
  if (!in.ok() || header.program != rpc::kNfsProgram || header.version != rpc::kNfsVersion4 ||
      header.procedure != kCompound)
    return route;
  in.opaque(kMostTag);
  const auto minor = in.u32();
  const auto operations = in.u32();
  const auto first = in.u32();
  if (!in.ok() && !all) return std::nullopt;
  // SEQUENCE names the session, which all connections of a partition share; whatever comes without
  // it is about one connection or one client, and stays where it began.
  route.free = in.ok() && minor >= 1 && operations >= 1 && first == kSequence;
  if (route.free) route.expected = bytesOfRead(in);
  return route;
}

}  // namespace efs::tls_tunnel
