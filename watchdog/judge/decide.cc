#include "judge/decide.h"

#include <algorithm>

namespace efs::watchdog {
namespace {

constexpr Duration kFirstStartDelay{1000};
constexpr Duration kFirstRenewalDelay{10000};
constexpr Duration kMaxRenewalDelay{600000};
constexpr Duration kStartCheck{1000};
constexpr Duration kSoon{1000};
constexpr Duration kLater{5000};

// One call of decide(): small rules over the shared observation and decision.
class Judge {
 public:
  Judge(const Observation& seen, const Progress& before, const Policy& policy)
      : seen_(seen), policy_(policy), progress_(before) {}

  Decision run() {
    if (!progress_.first_seen) progress_.first_seen = seen_.now;
    noteTunnelLife();
    if (seen_.pending) {
      judgePending();
    } else if (seen_.mounted == Seen::kYes) {
      judgeMounted();
    } else if (seen_.mounted == Seen::kNo) {
      judgeUnmounted();
    } else {
      keepServing();
    }
    Decision decision{progress_, std::move(actions_), std::move(remedies_), std::move(because_),
                      std::nullopt};
    decision.because.insert(decision.because.end(), remedies_because_.begin(),
                            remedies_because_.end());
    if (wake_ != kNoWake) decision.wake = wake_;
    return decision;
  }

 private:
  void act(Action action, std::string_view why) {
    actions_.push_back(action);
    because_.push_back({nameOf(action), why});
  }
  void wakeAt(MonoTime time) { wake_ = std::min(wake_, time); }
  void wakeIn(Duration delay) { wakeAt(seen_.now + delay); }
  Duration since(MonoTime time) const {
    return std::chrono::duration_cast<Duration>(seen_.now - time);
  }
  bool portInUse() const {
    return seen_.kernel_client == Seen::kYes || seen_.connected == Seen::kYes;
  }
  bool portUseKnown() const {
    return seen_.kernel_client != Seen::kUnknown && seen_.connected != Seen::kUnknown;
  }

  // A tunnel that lived long earns an immediate restart; one that died young is held back.
  void noteTunnelLife() {
    if (!seen_.tunnel_alive && !seen_.pending) progress_.was_dead = true;
    if (seen_.tunnel_alive && !progress_.alive_since) {
      progress_.alive_since = seen_.now;
      progress_.successor = progress_.was_dead;
    }
    const bool connected = seen_.connected == Seen::kYes;
    if (connected) progress_.successor = false;
    if (connected || seen_.mounted == Seen::kYes) progress_.client_seen = true;
    if (!progress_.alive_since) return;
    if (since(*progress_.alive_since) >= kStableLife) {
      progress_.starts = 0;
      progress_.next_start.reset();
    }
    if (seen_.tunnel_alive) return;
    progress_.alive_since.reset();
    progress_.died = seen_.now;
  }

  void keepServing() {
    progress_.term_sent.reset();
    progress_.kill_sent.reset();
    renewIfDue();
    startIfDead();
    heal();
  }

  // A tunnel that is dead is being replaced; only one that lives can hang.
  void heal() {
    HealthProgress& health = progress_.health;
    if (!seen_.tunnel_alive) {
      if (!health.dead_since) health.dead_since = seen_.now;
      return;
    }
    // Time without a tunnel says nothing against the server.
    if (health.dead_since && since(*health.dead_since) >= kSuspicion) {
      health.unanswered_since.reset();
    }
    health.dead_since.reset();
    HealthSeen view = seen_.health;
    if (progress_.alive_since) view.tunnel_age = since(*progress_.alive_since);
    auto step = climb(view, health, policy_.health, seen_.now, seen_.chance);
    progress_.health = step.progress;
    remedies_ = std::move(step.remedies);
    remedies_because_ = std::move(step.because);
    if (step.wake) wakeAt(*step.wake);
  }

  void startIfDead() {
    if (seen_.tunnel_alive) return;
    if (seen_.certificate_missing) {
      if (!progress_.no_certificate_reported)
        act(Action::kReportNoCertificate, "no tunnel, and no certificate for one");
      progress_.no_certificate_reported = true;
      return;
    }
    progress_.no_certificate_reported = false;
    if (progress_.next_start && seen_.now < *progress_.next_start) {
      return wakeAt(*progress_.next_start);
    }
    act(Action::kStartTunnel, "its tunnel is dead");
    ++progress_.starts;
    progress_.next_start =
        seen_.now + backOff(progress_.starts, kFirstStartDelay, kMaxStartDelay, seen_.chance);
    wakeIn(kStartCheck);
  }

  void renewIfDue() {
    if (!seen_.certificate_due) {
      progress_.renewals = 0;
      progress_.next_renewal.reset();
      if (seen_.certificate_due_in) wakeIn(*seen_.certificate_due_in);
      return;
    }
    if (seen_.renewal_running || !seen_.renewal_possible) return;
    if (progress_.next_renewal && seen_.now < *progress_.next_renewal) {
      return wakeAt(*progress_.next_renewal);
    }
    act(Action::kRenewCertificate,
        seen_.certificate_missing ? "the certificate is missing" : "the certificate is due");
    ++progress_.renewals;
    progress_.next_renewal =
        seen_.now + backOff(progress_.renewals, kFirstRenewalDelay, kMaxRenewalDelay, seen_.chance);
    wakeAt(*progress_.next_renewal);
  }

  // The tunnel belongs to its helper while the mount is under way; only a dead helper's leftovers
  // are ours.
  void judgePending() {
    // The end of the job is an event.
    if (seen_.being_made) return;
    if (seen_.helper == Seen::kYes) {
      progress_.helper_seen = true;
      wakeIn(kSoon);
    }
    const bool helper_died = seen_.given_up || (progress_.helper_seen && seen_.helper == Seen::kNo);
    if (seen_.mounted == Seen::kYes) {
      if (!progress_.mounted_since) progress_.mounted_since = seen_.now;
      if (helper_died || since(*progress_.mounted_since) >= kPendingAdoption)
        return act(Action::kPublish, helper_died ? "mounted, and its helper died"
                                                 : "mounted, and its helper does not finish");
      return wakeAt(*progress_.mounted_since + kPendingAdoption);
    }
    progress_.mounted_since.reset();
    if (portInUse()) progress_.term_sent.reset();
    const MonoTime expiry = *progress_.first_seen + kPendingExpiry;
    if (seen_.now < expiry && !helper_died) return wakeAt(expiry);
    // A killed helper's mount, which nobody saw, says good bye through this tunnel: what cannot be
    // looked at may be just that.
    const bool silent = !portInUse() && (portUseKnown() || endedByUs() || seen_.now >= expiry);
    if (seen_.mounted == Seen::kNo && silent) {
      if (clientMayBeCutOff()) return wakeAt(*progress_.died + kRevivedBeforeStop);
      return stopAndRemove();
    }
    if (seen_.now < expiry) wakeAt(expiry);
    wakeIn(seen_.given_up ? kLater : kYoungMount);
  }

  void judgeMounted() {
    if (!progress_.mounted_since) {
      progress_.mounted_since = seen_.now;
      progress_.read_ahead_looks = 0;
    }
    progress_.was_mounted = true;
    progress_.unmount_noted = false;
    progress_.absent_since.reset();
    progress_.unused_since.reset();
    progress_.revived.reset();
    if (seen_.unmount_recorded) act(Action::kClearUnmount, "it is in the mount table");
    lookAfterReadAhead();
    keepServing();
  }

  void lookAfterReadAhead() {
    if (!policy_.keep_read_ahead) return;
    std::size_t& looks = progress_.read_ahead_looks;
    if (looks == kReadAheadLooks.size()) return;
    if (seen_.now >= *progress_.mounted_since + kReadAheadLooks.at(looks)) {
      act(Action::kCheckReadAhead, "others write it soon after a mount");
      ++looks;
    }
    if (looks < kReadAheadLooks.size())
      wakeAt(*progress_.mounted_since + kReadAheadLooks.at(looks));
  }

  void judgeUnmounted() {
    progress_.mounted_since.reset();
    if (!progress_.absent_since) progress_.absent_since = seen_.now;
    const bool young = seen_.age && *seen_.age >= Duration(0) && *seen_.age < kYoungMount;
    if (young && !progress_.was_mounted && !seen_.unmount_announced) {
      keepServing();
      return wakeIn(kYoungMount - *seen_.age);
    }
    if (!progress_.unmount_noted) act(Action::kNoteUnmount, "it left the mount table");
    progress_.unmount_noted = true;
    if (portInUse()) {
      // The last unmount waits in DESTROY_SESSION for an answer that only the tunnel can bring.
      progress_.unused_since.reset();
      progress_.revived.reset();
      keepServing();
      return wakeIn(since(*progress_.absent_since) < 10 * kSoon ? kSoon : kLater);
    }
    if (!progress_.unused_since) progress_.unused_since = seen_.now;
    if (announcedAndUnused() || endedByUs()) return stopAndRemove();
    if (!seen_.tunnel_alive && !progress_.term_sent && !progress_.revived) {
      progress_.revived = seen_.now;
    }
    const MonoTime due = unmountConfirmed();
    if (seen_.now >= due) return stopAndRemove();
    keepServing();
    wakeAt(due);
    wakeIn(kSoon);
  }

  // Nothing to wait for: the kernel's lists, its connections and umount.efs say the same.
  bool announcedAndUnused() const { return seen_.unmount_announced && portUseKnown(); }

  // A tunnel that was told to end because its port was unused. When it is gone, nobody looks into
  // its network namespace any more and the use of the port is unknown; the verdict stands.
  bool endedByUs() const { return progress_.term_sent.has_value() && !seen_.tunnel_alive; }

  MonoTime unmountConfirmed() const {
    const Duration needed = portUseKnown() ? kUnusedBeforeStop : policy_.blind_unmount_delay;
    MonoTime due = *progress_.unused_since + needed;
    if (progress_.revived) due = std::max(due, *progress_.revived + kRevivedBeforeStop);
    return clientMayComeBack() ? std::max(due, *progress_.alive_since + kRevivedBeforeStop) : due;
  }

  // It was cut off when the tunnel before this one ended, and has its last words still to say.
  bool clientMayComeBack() const {
    if (!seen_.tunnel_alive || progress_.term_sent) return false;
    if (seen_.client_came == Seen::kUnknown) return progress_.successor || !progress_.client_seen;
    return seen_.client_came == Seen::kNo;
  }

  // The tunnel died under the good bye of a mount that was never attached: its client comes back to
  // the port, which is nobody else's until then.
  bool clientMayBeCutOff() const {
    return !seen_.tunnel_alive && !progress_.term_sent && progress_.died &&
           since(*progress_.died) < kRevivedBeforeStop;
  }

  void stopAndRemove() {
    if (!seen_.tunnel_alive)
      return act(Action::kRemoveMount, "it is not mounted, and its tunnel has ended");
    if (!progress_.term_sent) {
      act(Action::kTerminateTunnel, "it is not mounted, and nobody uses its port");
      progress_.term_sent = seen_.now;
      return wakeIn(kTermPatience);
    }
    const MonoTime due = progress_.kill_sent.value_or(*progress_.term_sent) + kTermPatience;
    if (seen_.now >= due) {
      act(Action::kKillTunnel, "SIGTERM did not end it");
      progress_.kill_sent = seen_.now;
      return wakeIn(kTermPatience);
    }
    wakeAt(due);
  }

  const Observation& seen_;
  const Policy& policy_;
  Progress progress_;
  std::vector<Action> actions_;
  std::vector<Remedy> remedies_;
  std::vector<Reason> because_, remedies_because_;
  MonoTime wake_ = kNoWake;
};

}  // namespace

std::string_view nameOf(Action action) {
  switch (action) {
    case Action::kPublish:
      return "publish";
    case Action::kStartTunnel:
      return "start tunnel";
    case Action::kReportNoCertificate:
      return "report missing certificate";
    case Action::kRenewCertificate:
      return "renew certificate";
    case Action::kNoteUnmount:
      return "note unmount";
    case Action::kCheckReadAhead:
      return "check read-ahead";
    case Action::kClearUnmount:
      return "clear unmount";
    case Action::kTerminateTunnel:
      return "terminate tunnel";
    case Action::kKillTunnel:
      return "kill tunnel";
    case Action::kRemoveMount:
      return "remove mount";
  }
  return "?";
}

Decision decide(const Observation& seen, const Progress& before, const Policy& policy) {
  return Judge(seen, before, policy).run();
}

}  // namespace efs::watchdog
