// decide(): the judgement of the watchdog, without processes, files or clocks. What is seen of one
// mount goes in, what must be done comes out; README.md of this folder holds the table.
//
// The rule above all others: a tunnel is never stopped while its mount is in the table, while the
// kernel's NFS client still holds its port, or while a client is connected to it.
#pragma once

#include <array>
#include <optional>
#include <vector>

#include "efs/base/clock.h"
#include "judge/ladder.h"

namespace efs::watchdog {

// One mount at one moment.
struct Observation {
  MonoTime now;
  double chance = 0.5;  // randomness for jitter, [0, 1)

  bool pending = false;           // the state file still carries its '~'
  bool being_made = false;        // pending: a remount of ours is at it
  bool given_up = false;          // pending: that remount has failed
  Seen helper = Seen::kUnknown;   // of a pending mount: its helper gives its sign of life
  std::optional<Duration> age;    // by the wall clock, since mount_time; may be negative
  bool unmount_recorded = false;  // unmount_time or unmount_count are in the state file

  bool tunnel_alive = false;          // a process that was verified to be this mount's tunnel
  Seen client_came = Seen::kUnknown;  // the kernel has been connected to the tunnel that runs now

  Seen mounted = Seen::kUnknown;  // a mount of this port is in the mount table
  // Asked only when the mount is not in the table; see Decision::wake.
  Seen kernel_client = Seen::kUnknown;  // the NFS client holds the port (/proc/net/nfsfs)
  Seen connected = Seen::kUnknown;      // an ESTABLISHED client connection to the port

  // umount.efs saw the last unmount end: nothing waits in DESTROY_SESSION.
  bool unmount_announced = false;

  bool certificate_missing = false;            // wanted, but the file does not exist
  bool certificate_due = false;                // wanted, and missing or due for renewal
  std::optional<Duration> certificate_due_in;  // when it will be
  bool renewal_running = false;
  bool renewal_possible = true;  // false: as many run as may; the end of one is an event

  HealthSeen health;
};

struct Policy {
  // Contract WD-5, for kernels that do not show who uses the port: count * poll interval + grace.
  Duration blind_unmount_delay{35000};
  HealthPolicy health;
  bool keep_read_ahead = false;  // WD-12: optimize_readahead
};

// Fixed times of the product; those a user may want to change are in Policy.
inline constexpr Duration kYoungMount{30000};       // WD-5: a new mount is not missed for so long
inline constexpr Duration kUnusedBeforeStop{2000};  // gone and unused, confirmed over this time
// A tunnel that was dead when its mount went, or not long before: the kernel may wait in
// DESTROY_SESSION and tries to connect again at least every half lease (45 s).
inline constexpr Duration kRevivedBeforeStop{60000};
inline constexpr Duration kTermPatience{5000};  // SIGTERM to SIGKILL
// A tunnel that lived so long is no broken one, whatever ended it: if something kills it again and
// again, holding its successors back would only add to the pauses.
inline constexpr Duration kStableLife{10000};
inline constexpr Duration kMaxStartDelay{30000};
inline constexpr Duration kPendingAdoption{5000};  // mounted under a '~' name: its helper is dead
inline constexpr Duration kPendingExpiry{600000};  // '~' without a mount: its helper is dead

// WD-12: what others write into read_ahead_kb they write soon after the mount.
inline constexpr std::array<Duration, 3> kReadAheadLooks = {Duration(2000), Duration(10000),
                                                            Duration(60000)};

// What decide() remembers from one call to the next; a value, kept by the caller.
struct Progress {
  std::optional<MonoTime> first_seen;
  bool was_mounted = false;
  bool helper_seen = false;  // it gives a sign of life, so that its end can be told
  bool unmount_noted = false;
  bool no_certificate_reported = false;
  std::optional<MonoTime> mounted_since, absent_since, unused_since, revived;
  std::optional<MonoTime> term_sent, kill_sent;

  std::size_t read_ahead_looks = 0;  // since mounted_since

  int starts = 0;         // since the last tunnel that lived for kStableLife
  bool was_dead = false;  // there was no tunnel
  bool successor =
      false;  // the one that runs came in the place of another one; nobody came back yet
  // The mount was seen, or somebody connected. Until then whoever has just started does not know
  // whether the tunnel is a successor.
  bool client_seen = false;
  std::optional<MonoTime> died;  // one that was seen alive; the last such moment
  std::optional<MonoTime> alive_since, next_start;

  int renewals = 0;  // since the certificate was last found good
  std::optional<MonoTime> next_renewal;

  HealthProgress health;
};

enum class Action {
  kPublish,              // "~name" becomes "name": its helper died after mounting (C#1940)
  kStartTunnel,          // behind the held listener where there is one
  kReportNoCertificate,  // the tunnel cannot start before the renewal succeeds (WD-6)
  kRenewCertificate,
  kNoteUnmount,  // log it and record unmount_time
  kCheckReadAhead,
  kClearUnmount,     // the mount is back: forget unmount_time and unmount_count
  kTerminateTunnel,  // SIGTERM to its process group
  kKillTunnel,       // SIGKILL
  kRemoveMount,      // state, tunnel config, certificate directory, listener
};

std::string_view nameOf(Action action);

struct Decision {
  Progress progress;
  std::vector<Action> actions;
  std::vector<Remedy> remedies;  // after the actions; never together with kRemoveMount
  std::vector<Reason> because;   // one for each action, then one for each remedy
  // Decide again at this time even if nothing happens. Unset: the next event is soon enough.
  std::optional<MonoTime> wake;
};

Decision decide(const Observation& seen, const Progress& before, const Policy& policy);

}  // namespace efs::watchdog
