// WatchdogLink: how the other programs talk to the watchdog. mount.efs tells it about a tunnel and
// hands it a duplicate of the listening socket (SCM_RIGHTS), so that a dead tunnel can be replaced
// behind an open port; umount.efs says that a mount is gone for good; efsctl asks how things are.
//
// SOCK_SEQPACKET on <state dir>/watchdog.sock, mode 0600. Both sides demand that the other runs
// with their own effective uid (SO_PEERCRED), which is 0 in production. One request, one reply,
// each a JSON object of at most 4 KiB:
//   {"v":1,"op":"listener","name":"fs-x.mnt.20049"} + one descriptor  ->  {"v":1,"ok":true}
//   {"v":1,"op":"ping"}  ->  {"v":1,"ok":true,"pid":123}
//   {"v":1,"op":"unmounted","name":"fs-x.mnt.20049"}  ->  {"v":1,"ok":true}
//   {"v":1,"op":"status"}  ->  {"v":1,"ok":true} + one descriptor (watchdog_status.h)
// "unmounted" spares the watchdog only the time it would wait to be sure; what the kernel shows
// still decides.
// A refusal is {"v":1,"ok":false,"error":"..."}.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "efs/base/clock.h"
#include "efs/base/result.h"
#include "efs/base/unique_fd.h"
#include "efs/tunnel_control/watchdog_status.h"

namespace efs::tunnel_control {

inline constexpr std::size_t kMaxMessage = 4096;

struct WatchdogRequest {
  enum class Op { kPing, kListener, kUnmounted, kStatus };
  Op op = Op::kPing;
  std::string name;  // mount name, for kListener and kUnmounted
  std::string encode() const;
  static Result<WatchdogRequest> decode(std::string_view json);
};

struct WatchdogReply {
  bool ok = false;
  std::string error;
  std::optional<int> pid;
  std::string encode() const;
  static Result<WatchdogReply> decode(std::string_view json);
};

// Client side. kNotFound/kRefused when no watchdog listens, kTimeout when it does not answer within
// `patience`. `descriptor` may be null.
Result<WatchdogReply> askWatchdog(const std::string& socket_path, const WatchdogRequest& request,
                                  const UniqueFd* descriptor, Duration patience);
// How long a watchdog may take to answer what it only has to take down. One that is busy for longer
// is asked again, or done without.
inline constexpr Duration kWatchdogPatience{500};
// One answers on this socket.
bool watchdogAnswers(const std::string& socket_path);
// The same for the status. kUnsupported when the watchdog is too old to know the question.
Result<WatchdogStatus> askWatchdogStatus(const std::string& socket_path, Duration patience);

// Server side.
// Binds (replacing a dead owner's socket file), listens, non-blocking. Call with the watchdog's
// lock held.
Result<UniqueFd> listenForHelpers(const std::string& socket_path);
struct ReceivedRequest {
  WatchdogRequest request;
  UniqueFd descriptor;  // valid for kListener
};
// Accepts one connection, non-blocking. kBusy when nothing waits; kPermission for a peer of another
// user, whose connection is closed.
Result<UniqueFd> acceptHelper(int listener);
// Reads the one request of an accepted connection without blocking. kBusy: not there yet. A
// listener request comes with exactly one descriptor, an IPv4 TCP socket that listens; anything
// else is kInvalidInput and every received descriptor is closed.
Result<ReceivedRequest> receiveRequest(int connection);
Status sendReply(int connection, const WatchdogReply& reply);
// Answers a status request. Never blocks: the text goes into memory that the descriptor names.
Status sendStatus(int connection, const WatchdogStatus& status);

}  // namespace efs::tunnel_control
