#include <algorithm>
#include <functional>

#include "efs/base/seen.h"
#include "efs/efsctl/explain.h"
#include "judge/decide.h"
#include "judge/policy.h"

namespace efs::efsctl {
namespace {

using watchdog::Action;
using watchdog::Decision;
using watchdog::Observation;
using watchdog::Policy;
using watchdog::Probe;
using watchdog::Remedy;
using watchdog::Root;

constexpr Duration kEach{1000};
constexpr std::size_t kTimesTold = 4;

bool did(const Decision& decision, Action action) {
  return std::find(decision.actions.begin(), decision.actions.end(), action) !=
         decision.actions.end();
}
bool did(const Decision& decision, Remedy remedy) {
  return std::find(decision.remedies.begin(), decision.remedies.end(), remedy) !=
         decision.remedies.end();
}

// How the world answers what was done: called before each decision, with the one before.
using World = std::function<void(Observation& seen, Duration since, const Decision& before)>;

struct Scene {
  std::string state;
  Duration length;
  World world;
};

// A mount that has been well for ten minutes.
Observation wellObservation() {
  Observation seen;
  seen.now = MonoTime(std::chrono::hours(1));
  seen.age = std::chrono::minutes(10);
  seen.tunnel_alive = true;
  seen.mounted = Seen::kYes;
  seen.kernel_client = Seen::kNo;
  seen.connected = Seen::kNo;
  seen.health.can_reconnect = true;
  seen.health.in_table = true;
  seen.health.locks = Seen::kNo;
  seen.health.reconnects = 0;
  return seen;
}

void note(std::vector<WatchdogStep>& steps, Duration at, const watchdog::Reason& reason) {
  for (auto& step : steps) {
    if (step.what != reason.what || step.why != reason.why) continue;
    if (step.at.size() < kTimesTold) {
      step.at.push_back(at);
    } else {
      step.again = true;
    }
    return;
  }
  steps.push_back({{at}, false, std::string(reason.what), std::string(reason.why)});
}

WatchdogStory play(const Scene& scene, const Policy& policy) {
  Observation seen = wellObservation();
  Decision last = decide(seen, {}, policy);
  // Its first minutes, with their looks at the read-ahead, are over.
  for (int minute = 0; minute < 10; ++minute) {
    seen.now += std::chrono::minutes(1);
    last = decide(seen, last.progress, policy);
  }
  WatchdogStory story{scene.state, {}};
  Decision before;
  for (Duration since{0}; since <= scene.length; since += kEach) {
    scene.world(seen, since, before);
    Decision decision = decide(seen, last.progress, policy);
    for (const auto& reason : decision.because) note(story.steps, since, reason);
    seen.now += kEach;
    before = decision;
    last = std::move(decision);
  }
  return story;
}

// A server that answers nothing; a tunnel that is killed is started again, in vain.
void silentServer(Observation& seen, Duration since, const Decision& before) {
  seen.health.stuck = since;
  if (did(before, Remedy::kProbe)) seen.health.probe = Probe::kSilent;
  if (did(before, Remedy::kCheckRoot)) seen.health.root = Root::kSilent;
  if (did(before, Remedy::kReplaceTunnel)) seen.tunnel_alive = false;
  if (did(before, Action::kStartTunnel)) seen.tunnel_alive = true;
}

// The other zone serves; the own target answers again a minute later.
void silentTarget(Observation& seen, Duration since, const Decision& before) {
  if (did(before, Remedy::kMoveTarget)) seen.health.away = true;
  if (did(before, Remedy::kReturnHome)) seen.health.away = false;
  if (seen.health.away) {
    seen.health.stuck.reset();
    seen.health.home_answers = Seen::kYes;
    return;
  }
  if (since < std::chrono::minutes(4)) silentServer(seen, since, before);
}

void staleRoot(Observation& seen, Duration /*since*/, const Decision& before) {
  seen.health.reconnects = 1;
  if (did(before, Remedy::kRemount)) {
    seen.health.root = Root::kAnswered;
    seen.health.stale_answers = 0;
  } else if (did(before, Remedy::kCheckRoot) && seen.health.root != Root::kAnswered) {
    seen.health.root = Root::kStale;
    ++seen.health.stale_answers;
  }
}

void renewal(Observation& seen, Duration since, const Decision& before, bool works) {
  if (since == Duration(0)) seen.certificate_due = true;
  if (works && did(before, Action::kRenewCertificate)) seen.certificate_due = false;
}

void unmounted(Observation& seen, Duration /*since*/, const Decision& before) {
  seen.mounted = Seen::kNo;
  if (did(before, Action::kTerminateTunnel)) seen.tunnel_alive = false;
}

void helperDied(Observation& seen, Duration since, const Decision& before) {
  seen.pending = true;
  seen.helper = since < kEach ? Seen::kYes : Seen::kNo;
  unmounted(seen, since, before);
}

std::vector<Scene> scenes(bool tls) {
  using std::chrono::minutes;
  std::vector<Scene> list;
  list.push_back({"its tunnel dies", Duration(30000), [](auto& seen, auto since, auto& before) {
                    if (since == Duration(0)) seen.tunnel_alive = false;
                    if (did(before, Action::kStartTunnel)) seen.tunnel_alive = true;
                  }});
  list.push_back({"its tunnel dies each time it is started", minutes(2),
                  [](auto& seen, auto, auto&) { seen.tunnel_alive = false; }});
  list.push_back({"its mount target is silent, no locks are held, another zone has a target",
                  minutes(12), silentTarget});
  list.push_back({"its mount target is silent, applications hold locks", minutes(4),
                  [](auto& seen, auto since, auto& before) {
                    seen.health.locks = Seen::kYes;
                    silentServer(seen, since, before);
                  }});
  list.push_back({"after a reconnect its root is a stale file handle", minutes(4), staleRoot});
  if (tls) {
    list.push_back({"its certificate is due", minutes(1), [](auto& seen, auto since, auto& before) {
                      renewal(seen, since, before, true);
                    }});
    list.push_back(
        {"its certificate is due, and no credentials are found", minutes(4),
         [](auto& seen, auto since, auto& before) { renewal(seen, since, before, false); }});
  }
  list.push_back({"it is unmounted", minutes(2), unmounted});
  list.push_back({"it is unmounted lazily, files stay open", minutes(2),
                  [](auto& seen, auto since, auto& before) {
                    seen.kernel_client = Seen::kYes;
                    unmounted(seen, since, before);
                  }});
  list.push_back({"mount.efs is killed before the mount stands", minutes(2), helperDied});
  return list;
}

}  // namespace

std::vector<WatchdogStory> watchdogStories(const settings::Settings& settings, bool tls) {
  const Policy policy = watchdog::policyOf(settings);
  std::vector<WatchdogStory> stories;
  for (const Scene& scene : scenes(tls)) stories.push_back(play(scene, policy));
  return stories;
}

}  // namespace efs::efsctl
