// WatchdogLink: how mount.efs tells the watchdog about a tunnel and hands it a duplicate of the
// listening socket (SCM_RIGHTS), so that a dead tunnel can be replaced behind an open port.
//
// SOCK_SEQPACKET on <state dir>/watchdog.sock, mode 0600, uid 0 only (SO_PEERCRED). One request,
// one reply, each a JSON object of at most 4 KiB:
//   {"v":1,"op":"listener","name":"fs-x.mnt.20049"} + one descriptor   ->  {"v":1,"ok":true}
//   {"v":1,"op":"ping"}                                                ->
//   {"v":1,"ok":true,"pid":123}
// A refusal is {"v":1,"ok":false,"error":"..."}.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "efs/base/clock.h"
#include "efs/base/result.h"
#include "efs/base/unique_fd.h"

namespace efs::tunnel_control {

struct WatchdogRequest {
  enum class Op { kPing, kListener };
  Op op = Op::kPing;
  std::string name;  // mount name, for kListener
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

// Client side. kNotFound/kRefused when no watchdog listens.
Result<WatchdogReply> askWatchdog(const std::string& socket_path, const WatchdogRequest& request,
                                  const UniqueFd* descriptor, Duration patience);

// Server side.
// Binds (replacing a dead owner's socket file), listens, non-blocking. Call with the watchdog's
// lock held.
Result<UniqueFd> listenForHelpers(const std::string& socket_path);
struct ReceivedRequest {
  WatchdogRequest request;
  UniqueFd descriptor;  // invalid when none came along
};
// Accepts one connection; refuses peers other than uid 0. nullopt-like kBusy when nothing waits.
Result<UniqueFd> acceptHelper(int listener);
// Reads the one request of an accepted, non-blocking connection. kBusy: not there yet.
Result<ReceivedRequest> receiveRequest(int connection);
Status sendReply(int connection, const WatchdogReply& reply);

}  // namespace efs::tunnel_control
