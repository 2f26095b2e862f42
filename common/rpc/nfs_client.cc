#include "nfs_client.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "efs/base/wait.h"
#include "efs/rpc/message.h"

namespace efs::rpc {
namespace {

constexpr std::uint32_t kProcCompound = 1;
constexpr std::uint32_t kMinorVersion = 1;
constexpr std::size_t kMaxTag = 1024;
// Calls from the server that may come in between; we offer no backchannel, so none is due.
constexpr int kMaxForeignMessages = 16;

// nfsstat4, RFC 8881 section 15.1.
constexpr std::uint32_t kPerm = 1;
constexpr std::uint32_t kNoEntry = 2;
constexpr std::uint32_t kAccess = 13;
constexpr std::uint32_t kNotDirectory = 20;
constexpr std::uint32_t kDelay = 10008;
constexpr std::uint32_t kWrongSec = 10016;
constexpr std::uint32_t kMinorVersMismatch = 10021;

}  // namespace

Error nfsStatusError(std::uint32_t status) {
  switch (status) {
    case kPerm:
      return Error(ErrorKind::kPermission, "the server denies it (NFS4ERR_PERM)");
    case kAccess:
      return Error(ErrorKind::kPermission, "the server denies access (NFS4ERR_ACCESS)");
    case kNoEntry:
      return Error(ErrorKind::kNotFound, "it does not exist (NFS4ERR_NOENT)");
    case kNotDirectory:
      return Error(ErrorKind::kInvalidInput, "it is no directory (NFS4ERR_NOTDIR)");
    case kWrongSec:
      return Error(ErrorKind::kPermission,
                   "the server demands another security flavor (NFS4ERR_WRONGSEC)");
    case kMinorVersMismatch:
      return Error(ErrorKind::kUnsupported, "the server does not speak NFSv4.1");
    case kDelay:
      return Error(ErrorKind::kBusy, "the server asks to come again later (NFS4ERR_DELAY)");
    default:
      return Error(ErrorKind::kProtocol, "NFS error " + std::to_string(status));
  }
}

Status NfsClient::waitFor(short events) {
  EFS_TRY(ready, waitReady(fd_, events, deadline_));
  if (!ready) return Error(ErrorKind::kTimeout, "no answer from the NFS server");
  return {};
}

Status NfsClient::send(std::string_view bytes) {
  while (!bytes.empty()) {
    EFS_CHECK(waitFor(POLLOUT));
    const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    // What the peer said before it closed is still to be read, and tells more.
    if (sent < 0 && (errno == EPIPE || errno == ECONNRESET)) return {};
    if (sent < 0) return Error::fromErrno(errno, "sending to the NFS server");
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return {};
}

Status NfsClient::receiveRecord() {
  while (true) {
    EFS_TRY(taken, reader_.feed(input_));
    input_.erase(0, taken);
    if (reader_.complete()) return {};
    EFS_CHECK(waitFor(POLLIN));
    std::array<char, 4096> chunk{};
    const ssize_t got = ::recv(fd_, chunk.data(), chunk.size(), MSG_DONTWAIT);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    const bool reset = got < 0 && (errno == ECONNRESET || errno == EPIPE);
    if (got == 0 || reset) {
      if (any_byte_) return Error(ErrorKind::kProtocol, "the server closed the connection");
      return Error(ErrorKind::kReset, reset ? "Connection reset by peer before the first answer"
                                            : "connection closed by peer before the first answer");
    }
    if (got < 0) return Error::fromErrno(errno, "receiving from the NFS server");
    any_byte_ = true;
    input_.append(chunk.data(), static_cast<std::size_t>(got));
  }
}

Status NfsClient::receive() {
  for (int foreign = 0; foreign < kMaxForeignMessages; ++foreign) {
    EFS_CHECK(receiveRecord());
    const auto prefix = readPrefix(reader_.record());
    if (!prefix) return Error(ErrorKind::kProtocol, "malformed RPC message");
    if (prefix->direction == Direction::kReply) return {};
  }
  return Error(ErrorKind::kProtocol, "the server sends calls instead of a reply");
}

Result<XdrReader> NfsClient::exchange(const XdrWriter& call) {
  EFS_CHECK(send(wrapRecord(call.bytes())));
  EFS_CHECK(receive());
  XdrReader in(reader_.record());
  EFS_CHECK(readReply(in, xid_++));
  return in;
}

Status NfsClient::null() {
  XdrWriter call;
  writeCall(call, {xid_, kNfsProgram, kNfsVersion4, 0}, std::nullopt);
  EFS_CHECK(exchange(call));
  return {};
}

Result<XdrReader> NfsClient::compound(std::string_view operations, std::uint32_t count) {
  XdrWriter call;
  writeCall(call, {xid_, kNfsProgram, kNfsVersion4, kProcCompound}, machine_);
  call.opaque("");  // tag
  call.u32(kMinorVersion);
  call.u32(count);
  call.fixed(operations);
  EFS_TRY(in, exchange(call));
  const auto status = in.u32();
  in.opaque(kMaxTag);
  const auto results = in.u32();
  if (!in.ok() || results > count) {
    return Error(ErrorKind::kProtocol, "malformed COMPOUND reply");
  }
  if (status != 0) return nfsStatusError(status);
  if (results != count) return Error(ErrorKind::kProtocol, "COMPOUND reply misses results");
  return in;
}

}  // namespace efs::rpc
