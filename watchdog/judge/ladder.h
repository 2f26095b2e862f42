// climb(): what is done about a mount that hangs, step by step. Pure, like decide(), which calls
// it.
//
// A mount hangs when a call waits and nothing has come back for HealthPolicy::hang. A slow mount is
// not a hung one: every byte that arrives starts the clock anew, and a server that answers a NULL
// call on another connection is slow, not dead, for kSlowServer. The steps, each with its back-off:
//   reconnect, with DNS asked again -> SIGKILL and a new tunnel -> another zone's mount target
//   -> remount.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "efs/base/clock.h"
#include "efs/base/seen.h"

namespace efs::watchdog {

// No time to wake at.
inline constexpr MonoTime kNoWake = MonoTime::max();

// The last NULL call that was sent through the tunnel on a connection of our own.
enum class Probe {
  kNone,
  kRunning,
  kAnswered,
  kRefused,  // the tunnel took the connection and gave it up: it works, its server does not
  kSilent,   // nothing came in time: tunnel or server
};

// The last statx(2) of the mount's root, by a child that can be killed.
enum class Root { kNone, kRunning, kAnswered, kStale, kSilent };  // kStale: ESTALE

struct HealthSeen {
  // Since the tunnel was first seen alive: a new one gets its chance first.
  Duration tunnel_age = Duration::max();
  // How long a call has been waiting while nothing came back; nullopt: nothing waits, or unknown.
  std::optional<Duration> stuck;
  // How late our own timers were lately. What waits for the processor as we do is slow, not hung.
  Duration lateness{0};
  // Since the host last stood still (kStandstill): it has as long as ever to show that it moves.
  Duration awake = Duration::max();
  bool deaf = false;           // the tunnel takes nothing from its sockets
  bool can_reconnect = false;  // it understands SIGUSR1; for others that would be the end
  Probe probe = Probe::kNone;
  std::optional<std::uint64_t> reconnects;  // counts up

  bool in_table = false;  // mounted, here: the last two steps need it
  Root root = Root::kNone;
  bool root_possible = true;    // false: as many roots are asked as may; one's end is an event
  int stale_answers = 0;        // ESTALE in a row, the last included
  Seen locks = Seen::kUnknown;  // asked only when HealthProgress says so, see wantsLocks()
  bool away = false;            // it uses another zone's target
  Seen home_answers = Seen::kUnknown;  // last answer of the own target, since it is away
  bool move_running = false, remount_running = false;
};

struct HealthPolicy {
  Duration hang{10000};  // 0: no hang detection
  bool move = true;      // az_failover
  // az_failover_after_sec: without an answer from the target for so long, before another zone is
  // tried; half of it where the target refuses, which is no slowness.
  Duration target_failure{30000};
  bool remount_stale = true;
  Duration remount_after{0};  // 0: never for a mount that only hangs
};

// How far a hang's limit stretches for each second that we were late: a byte on its way needs the
// processor several times, in tunnel and kernel. And how far at most.
inline constexpr int kStretch = 4;
inline constexpr Duration kMaxStretch{60000};
// So late only is who was stopped, paused or asleep, and the tunnel and the kernel with us.
inline constexpr Duration kStandstill{10000};

inline constexpr Duration kSuspicion{5000};  // a call so old is worth a probe
inline constexpr Duration kProbeInterval{10000};
inline constexpr Duration kSlowServer{60000};    // an answering server may take so long
inline constexpr Duration kRungPatience{10000};  // from one step to the next
inline constexpr Duration kMaxRungDelay{300000};
inline constexpr Duration kRootInterval{30000};
inline constexpr Duration kHomeInterval{60000};
inline constexpr int kStaleAnswers = 2;  // in a row: the mount is dead
inline constexpr int kHomeAnswers = 3;   // in a row, before going back
inline constexpr Duration kMaxRemountDelay{1800000};

struct HealthProgress {
  std::optional<MonoTime> hung_since, next_probe, next_step, next_root, next_home, next_remount;
  std::optional<MonoTime> unanswered_since;  // no probe was answered since
  std::optional<MonoTime> dead_since;        // there is no tunnel; kept by decide()
  bool refused = false;                      // so the last probe that ended
  int steps = 0;                             // of this episode: 1 = reconnect ...
  int remounts = 0;                          // tried since the root last answered
  int home = 0;                              // answers of the own target in a row
  std::optional<std::uint64_t> reconnects;
  bool begun = false;        // it was judged before
  bool root_wanted = false;  // something changed: ask once, without a hang

  // Locks are read only when a step depends on them.
  bool wantsLocks() const { return hung_since.has_value() || home > 0; }
};

enum class Remedy {
  kProbe,
  kReportHang,
  kReportProgress,  // it moves again
  kReconnect,       // SIGUSR1: drop the upstreams, ask DNS, connect
  kReplaceTunnel,   // SIGKILL; decide() then starts its successor behind the same listener
  kMoveTarget,      // to another zone's mount target
  kCheckHome,
  kReturnHome,
  kCheckRoot,
  kRemount,
};

std::string_view nameOf(Remedy remedy);

// Why something is done, for people; static texts.
struct Reason {
  std::string_view what, why;
};

struct HealthDecision {
  HealthProgress progress;
  std::vector<Remedy> remedies;
  std::vector<Reason> because;  // one for each remedy
  std::optional<MonoTime> wake;
};

// `chance` in [0, 1) for jitter.
HealthDecision climb(const HealthSeen& seen, const HealthProgress& before,
                     const HealthPolicy& policy, MonoTime now, double chance);

// base, 2 base, 4 base ... up to `limit`, for attempt 1, 2, 3 ...; +-20 % by `chance` in [0, 1).
Duration backOff(int attempt, Duration base, Duration limit, double chance);

}  // namespace efs::watchdog
