// Traffic: how long a mount's calls have been waiting while nothing came back. Fed from counters
// that somebody else keeps (the tunnel's page, the kernel's NFS client, socket queues); a value
// without clock or file.
#pragma once

#include <cstdint>
#include <optional>

#include "efs/base/clock.h"
#include "efs/tunnel_control/tunnel_counters.h"
#include "observe/mount_stats.h"

namespace efs::watchdog {

// What the page of a tunnel says. `generation`: another one for each tunnel. `asking`: a question
// of ours may be among the connections (older tunnels do not tell them apart).
struct PageContext {
  std::uint64_t generation = 0;
  bool asking = false;
};

class Traffic {
 public:
  struct Calls {
    std::uint64_t received = 0;  // changes with every byte or reply from the server
    std::uint64_t sent = 0;      // bytes taken from the kernel; 0 where unknown
    // Whose numbers these are: of a tunnel, counted from its start (another value for each), or 0
    // for the kernel's. Those of different counters are not compared.
    std::uint64_t tunnel = 0;
    std::uint64_t connection = 0;  // changes when the kernel connects anew, or with the tunnel
    bool waiting = false;          // calls are unanswered, or wait for the upstream
    std::optional<MonoTime> since = std::nullopt;  // of the oldest one, where known
    // False: the kernel has no connection, or lacks one that ended before it had its answer. It
    // will come back late, or never.
    bool connected = true;
  };
  // A change of `received` is progress, and so is a large write on its way, but neither a few new
  // calls nor a reset, a new connection, a replay or a new tunnel: what waited before still waits,
  // until the server sends something or nobody comes back for it (traffic.cc).
  void note(const Calls& calls, MonoTime now);
  static Calls ofPage(const tunnel_control::TunnelNumbers& numbers, const PageContext& context);
  // The same from the kernel's counters, whose sum of transmissions never comes down again after a
  // replay: what counts is how far it is ahead of what was normal.
  void note(const TransportCounters& counters, MonoTime now);
  // Bytes for the tunnel wait in its sockets, or connections in its backlog. `last_look`: when that
  // was looked at before. What waits at two looks in a row may have come right after the one before
  // them, and counts from there; what waits at one look only is everyday life.
  void noteUnread(bool unread, MonoTime now, MonoTime last_look);

  // The last wait ended without an answer: whoever waited gave up.
  bool gaveUp() const { return gave_up_; }
  // nullopt: nothing waits. Up to the last look and no further: what came since is not known yet.
  std::optional<Duration> stuck(MonoTime now) const;
  bool deaf(Duration patience) const {
    return unread_since_ && unread_noted_ - *unread_since_ >= patience;
  }

 private:
  void noteSent(const Calls& calls, MonoTime now);
  bool cameBack(const Calls& calls);
  void noteProgress(const Calls& calls);
  void noteQuiet(const Calls& calls, MonoTime now);

  std::optional<Calls> calls_;
  std::uint64_t sent_mark_ = 0, tunnel_ = 0;
  MonoTime noted_{}, unread_noted_{};
  std::optional<MonoTime> waiting_since_, quiet_since_, unread_since_, sending_at_;
  std::optional<MonoTime> forgotten_;  // what waited before counts no more
  bool gave_up_ = false;
  MonoTime before_unread_{};
  TransportCounters last_;
  std::uint64_t normal_lead_ = 0;
  bool relearn_ = true, answered_ = true;
  std::optional<std::uint64_t> smallest_lead_;  // while answers came, since it is to be learned
};

}  // namespace efs::watchdog
