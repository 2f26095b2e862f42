#include "judge/ladder.h"

#include <algorithm>
#include <utility>

namespace efs::watchdog {
namespace {

constexpr Duration kShortestWait{500};  // the counters may be read more seldom than we wake
constexpr Duration kFirstRemountDelay{60000};
constexpr Duration kSettle{5000};  // after a reconnect, before the root is asked

class Climber {
 public:
  Climber(const HealthSeen& seen, const HealthProgress& before, const HealthPolicy& policy,
          MonoTime now, double chance)
      : seen_(seen), policy_(policy), progress_(before), now_(now), chance_(chance) {}

  HealthDecision run() {
    noteRoot();
    noteProbe();
    if (hung() || stillHung()) {
      judgeHang();
    } else {
      judgeMoving();
    }
    judgeRoot();
    judgeHome();
    judgeRemount();
    HealthDecision decision{progress_, std::move(remedies_), std::move(because_), std::nullopt};
    if (wake_ != kNoWake) decision.wake = wake_;
    return decision;
  }

 private:
  void act(Remedy remedy, std::string_view why) {
    remedies_.push_back(remedy);
    because_.push_back({nameOf(remedy), why});
  }
  void wakeAt(MonoTime time) { wake_ = std::min(wake_, time); }
  Duration since(MonoTime time) const { return std::chrono::duration_cast<Duration>(now_ - time); }
  // True once per interval; otherwise asks to be woken when it is over.
  bool turn(std::optional<MonoTime>& next, Duration interval) {
    if (next && now_ < *next) {
      wakeAt(*next);
      return false;
    }
    next = now_ + interval;
    wakeAt(*next);
    return true;
  }

  Duration limit() const {
    return policy_.hang + std::clamp(kStretch * seen_.lateness, Duration(0), kMaxStretch);
  }
  void noteProbe() {
    if (seen_.probe == Probe::kNone || seen_.probe == Probe::kRunning) return;
    progress_.refused = seen_.probe == Probe::kRefused;
  }
  Duration targetFailure() const {
    return progress_.refused ? policy_.target_failure / 2 : policy_.target_failure;
  }

  bool hung() const {
    return policy_.hang > Duration(0) && seen_.stuck && *seen_.stuck >= limit() &&
           seen_.awake >= policy_.hang;
  }

  // What waits may be seen in different places one after the other (a call in the tunnel, bytes
  // that its successor has not read yet), each with its own age: nothing has come back for that.
  bool stillHung() const {
    return policy_.hang > Duration(0) && progress_.hung_since && seen_.stuck >= kSuspicion;
  }

  void probeIfSuspect() {
    if (policy_.hang <= Duration(0) || !seen_.stuck || *seen_.stuck < kSuspicion) {
      progress_.next_probe.reset();
      progress_.unanswered_since.reset();
      return;
    }
    if (seen_.probe == Probe::kAnswered) {
      progress_.unanswered_since.reset();
    } else if (!progress_.unanswered_since) {
      progress_.unanswered_since = now_ - std::min(*seen_.stuck, seen_.tunnel_age);
    }
    if (seen_.probe != Probe::kRunning && turn(progress_.next_probe, kProbeInterval)) {
      act(Remedy::kProbe, "a call has been waiting");
    }
  }

  void judgeMoving() {
    probeIfSuspect();
    if (policy_.hang > Duration(0) && seen_.stuck) {
      const Duration left = std::max(limit() - *seen_.stuck, policy_.hang - seen_.awake);
      wakeAt(now_ + std::max(kShortestWait, left));
    }
    if (progress_.hung_since) {
      act(Remedy::kReportProgress, "it hung, and nothing waits any more");
      progress_.hung_since.reset();
      progress_.next_step.reset();
      progress_.steps = 0;
      progress_.root_wanted = true;
    }
    // ESTALE comes fast and is never a hang; it follows a change of the server, which may have come
    // before we did.
    const bool first = !std::exchange(progress_.begun, true);
    const bool changed = seen_.reconnects && progress_.reconnects != seen_.reconnects;
    if (first || (changed && progress_.reconnects)) {
      progress_.root_wanted = true;
      progress_.next_root = now_ + kSettle;
    }
    if (changed) progress_.reconnects = seen_.reconnects;
  }

  void judgeHang() {
    if (!progress_.hung_since) {
      progress_.hung_since = now_ - *seen_.stuck;
      act(Remedy::kReportHang, "a call has been waiting too long");
    }
    probeIfSuspect();
    if (seen_.move_running || seen_.remount_running) return;
    if (seen_.tunnel_age < kRungPatience) return wakeAt(now_ + (kRungPatience - seen_.tunnel_age));
    // The first step depends on its answer, which comes within seconds.
    if (seen_.probe == Probe::kRunning && progress_.steps == 0) return;
    // A tunnel that reads nothing is no proof of a slow server, whatever another one answered.
    if (seen_.probe == Probe::kAnswered && !seen_.deaf && *seen_.stuck < kSlowServer) {
      return wakeAt(now_ + std::max(kShortestWait, kSlowServer - *seen_.stuck));
    }
    if (!turn(progress_.next_step, pauseAfterStep())) return;
    act(nextStep(), whyNextStep());
    ++progress_.steps;
  }

  // Not past the moment when another zone may be tried first.
  Duration pauseAfterStep() const {
    if (progress_.steps < 2) return kRungPatience;
    const Duration pause = backOff(progress_.steps - 1, 2 * kRungPatience, kMaxRungDelay, chance_);
    if (!policy_.move || seen_.away || !progress_.unanswered_since) return pause;
    const Duration until_move = targetFailure() - since(*progress_.unanswered_since);
    return until_move > Duration(0) ? std::min(pause, until_move) : pause;
  }

  Remedy nextStep() const {
    // SIGUSR1 waits for ever in a process that is stopped or stuck.
    if (seen_.deaf || !seen_.can_reconnect) {
      return mayMove() ? Remedy::kMoveTarget : Remedy::kReplaceTunnel;
    }
    if (seen_.probe == Probe::kAnswered || progress_.steps == 0) return Remedy::kReconnect;
    if (mayMove()) return Remedy::kMoveTarget;
    return progress_.steps == 1 ? Remedy::kReplaceTunnel : Remedy::kReconnect;
  }

  std::string_view whyNextStep() const {
    if (seen_.deaf) return "its tunnel takes nothing from its sockets";
    if (seen_.probe == Probe::kAnswered) return "the server answers others, but not this mount";
    return progress_.steps == 0 ? "the server is silent" : "the step before did not help";
  }

  // A tunnel whose server refuses need not be replaced first: it was just told to connect anew.
  // Locks are lost when a mount meets another server's state; unknown is no "none".
  bool mayMove() const {
    return policy_.move && progress_.steps > (progress_.refused ? 0 : 1) && !seen_.deaf &&
           seen_.in_table && !seen_.away && seen_.locks == Seen::kNo &&
           progress_.unanswered_since && since(*progress_.unanswered_since) >= targetFailure();
  }

  void noteRoot() {
    if (seen_.root == Root::kAnswered) {
      progress_.remounts = 0;
      progress_.next_remount.reset();
    }
  }

  void judgeRoot() {
    if (!seen_.in_table || seen_.root == Root::kRunning || seen_.remount_running) return;
    if (seen_.stale_answers > 0 && seen_.stale_answers < kStaleAnswers && !progress_.root_wanted) {
      // Once more: the first answer may be from before the recovery.
      progress_.root_wanted = true;
      progress_.next_root = now_ + kSettle;
    }
    // Silence is no answer, and may be the only sign of a hang.
    const bool silent = seen_.root == Root::kSilent;
    if (!progress_.root_wanted && !progress_.hung_since && !silent) return;
    const bool early = progress_.next_root && now_ < *progress_.next_root;
    if (!early && !seen_.root_possible) return wakeAt(now_ + kSettle);
    if (!turn(progress_.next_root, kRootInterval)) return;
    progress_.root_wanted = false;
    act(Remedy::kCheckRoot, whyAskRoot());
  }

  std::string_view whyAskRoot() const {
    if (progress_.hung_since) return "it hangs";
    return seen_.root == Root::kSilent ? "it did not answer" : "its connection has changed";
  }

  void judgeHome() {
    if (!seen_.away) {
      progress_.home = 0;
      progress_.next_home.reset();
      return;
    }
    if (seen_.move_running || progress_.hung_since) return;
    if (progress_.home >= kHomeAnswers && seen_.locks == Seen::kNo) {
      progress_.home = 0;
      return act(Remedy::kReturnHome, "its own target answers again");
    }
    if (!turn(progress_.next_home, kHomeInterval)) return;
    progress_.home = seen_.home_answers == Seen::kYes ? progress_.home + 1 : 0;
    act(Remedy::kCheckHome, "it uses another target");
  }

  bool dead() const {
    if (seen_.stale_answers >= kStaleAnswers) return policy_.remount_stale;
    return policy_.remount_after > Duration(0) && progress_.hung_since &&
           since(*progress_.hung_since) >= policy_.remount_after;
  }

  void judgeRemount() {
    if (!seen_.in_table || seen_.remount_running || seen_.root == Root::kRunning) return;
    if (progress_.hung_since && policy_.remount_after > Duration(0)) {
      const MonoTime due = *progress_.hung_since + policy_.remount_after;
      if (due > now_) wakeAt(due);
    }
    if (!dead()) return;
    const Duration delay =
        backOff(progress_.remounts + 1, kFirstRemountDelay, kMaxRemountDelay, chance_);
    if (!turn(progress_.next_remount, delay)) return;
    ++progress_.remounts;
    act(Remedy::kRemount,
        seen_.stale_answers >= kStaleAnswers ? "its root is stale" : "nothing else ended the hang");
  }

  const HealthSeen& seen_;
  const HealthPolicy& policy_;
  HealthProgress progress_;
  MonoTime now_;
  double chance_;
  std::vector<Remedy> remedies_;
  std::vector<Reason> because_;
  MonoTime wake_ = kNoWake;
};

}  // namespace

std::string_view nameOf(Remedy remedy) {
  switch (remedy) {
    case Remedy::kProbe:
      return "probe";
    case Remedy::kReportHang:
      return "report hang";
    case Remedy::kReportProgress:
      return "report progress";
    case Remedy::kReconnect:
      return "reconnect";
    case Remedy::kReplaceTunnel:
      return "replace tunnel";
    case Remedy::kMoveTarget:
      return "move to another target";
    case Remedy::kCheckHome:
      return "ask own target";
    case Remedy::kReturnHome:
      return "return to own target";
    case Remedy::kCheckRoot:
      return "ask root";
    case Remedy::kRemount:
      return "remount";
  }
  return "?";
}

HealthDecision climb(const HealthSeen& seen, const HealthProgress& before,
                     const HealthPolicy& policy, MonoTime now, double chance) {
  return Climber(seen, before, policy, now, chance).run();
}

Duration backOff(int attempt, Duration base, Duration limit, double chance) {
  const int doublings = std::clamp(attempt - 1, 0, 20);
  const Duration plain = std::min(limit, base * (1L << doublings));
  const double factor = 0.8 + 0.4 * std::clamp(chance, 0.0, 1.0);
  return Duration(static_cast<Duration::rep>(static_cast<double>(plain.count()) * factor));
}

}  // namespace efs::watchdog
