// What passes between a program and the writer of its log lines (efs-log-writer): SOCK_SEQPACKET on
// <state dir>/log.sock, mode 0600. Both sides demand that the other runs as root or as themselves
// (SO_PEERCRED).
//
//   line:  'L' version(1) form(1) max_bytes(8) file_count(4) path length(2) path line
//   ack:   'A' version(1) lines handled on this connection so far(8) why the last was not written
//
// Numbers are big-endian. The line is whole, with its newline; an empty reason means written.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "efs/base/log_place.h"
#include "efs/base/result.h"

namespace efs::log {

inline constexpr std::size_t kMaxLogDatagram = 32768;
inline constexpr std::size_t kMaxSocketPath = 107;  // unix(7)

struct LineMessage {
  LogPlace place;
  std::string line;
  std::string encode() const;
  static Result<LineMessage> decode(std::string_view bytes);
};

struct LineAck {
  std::uint64_t handled = 0;
  std::string failure;
  std::string encode() const;
  static Result<LineAck> decode(std::string_view bytes);
};

// Where the writer of a state directory listens, the lock that makes it the only one, and the lock
// under which files are renamed.
std::string writerSocket(const std::string& state_dir);
std::string writerLock(const std::string& state_dir);
std::string rotationLock(const std::string& state_dir);

// The process at the other end of a connected Unix socket if it is root's or our own user's; 0 when
// it has no number in our process namespace.
std::optional<pid_t> trustedPeer(int socket);

}  // namespace efs::log
