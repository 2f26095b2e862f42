// Plan: what one run is to be, all of it from a seed or chosen by a test.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "efs/base/clock.h"

namespace efs::watchdog::simulation {

// Faults of former versions, put back where the product meets the world: only to prove that the
// simulation finds them (README.md).
struct PutBack {
  bool walks_into_mounts = false;    // 1: a clean-up deletes what is mounted in a mount's directory
  bool shows_staging = false;        // 1: a half-made mount stands in the table, at a staging path
  bool path_is_identity = false;     // 3: what is at the path is detached, whatever it is
  bool bare_when_killed = false;     // 3: alarm and kill come between detach and attach
  bool thread_blinds = false;        // 10: a pid that is a thread's now cannot be looked at
  bool foreign_credentials = false;  // 21: a renewal takes what it finds, not the mount's own
  bool pages_forget = false;         // 32: a reset of a connection passes for progress
  bool forgets_listeners = false;    // nobody keeps listeners when the watchdog dies
  bool trusts_pids = false;          // the process with the pid of the state file is the tunnel
  bool says_unmounted = false;       // the port of a client that says good bye counts as unused
};

struct Plan {
  std::uint64_t seed = 1;
  PutBack put_back = {};
  int mounts = 3;
  bool pages = true;   // tunnels have pages of counters
  bool faults = true;  // seeded ones, for `turmoil`
  Duration turmoil{std::chrono::hours(2)};
  bool remounts = true;                 // remount_after is set
  bool old_kernel = false;              // without fsmount(2)
  std::optional<int> crash_at_call;     // of the watchdog's tools, counted from its first start
  std::optional<int> kill_at_step;      // of the children's, counted from the start
  std::optional<bool> stale_once = {};  // one mount's root is gone in the middle, without faults

  static Plan ofSeed(std::uint64_t seed);
};

}  // namespace efs::watchdog::simulation
