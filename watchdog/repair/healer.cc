#include "repair/healer.h"

#include <algorithm>

#include "efs/tunnel_control/tunnel_signals.h"
#include "repair/probes.h"

namespace efs::watchdog {
namespace {

std::string seconds(Duration time) {
  return fmt::format("{:.1f} s", static_cast<double>(time.count()) / 1000);
}

}  // namespace

void Healer::heal(MountRecord& mount, Remedy remedy) {
  switch (remedy) {
    case Remedy::kProbe:
      return probe(mount);
    case Remedy::kReportHang:
      return reportHang(mount);
    case Remedy::kReportProgress:
      return reportProgress(mount);
    case Remedy::kReconnect:
      return reconnect(mount);
    case Remedy::kReplaceTunnel:
      // We hold its listener: the port stays open, and whoever connects waits for the successor.
      return help_.keeper.replace(mount, "its mount hangs");
    case Remedy::kMoveTarget:
      return help_.mover.findTarget(mount);
    case Remedy::kCheckHome:
      return help_.mover.checkHome(mount);
    case Remedy::kReturnHome:
      return help_.mover.returnHome(mount);
    case Remedy::kCheckRoot:
      return checkRoot(mount);
    case Remedy::kRemount:
      return help_.remounter.remount(mount);
  }
}

void Healer::probe(MountRecord& mount) {
  // The probe is a connection: whether the tunnel took it tells whether it reads at all.
  mount.health.clients_before_probe = mount.health.last.numbers.connections_total;
  (void)help_.jobs.start(mount, Task::kProbe, ProbeTunnel{mount.port});
}

void Healer::probeEnded(MountRecord& mount, const Result<std::string>& answer) {
  Health& health = mount.health;
  // Judged even where the answer is an error: each kind of error says who was reached (probes.h).
  health.probe = judgeProbe(answer);
  if (!answer) context_.tools.log.debug("{}: probe: {}", mount.name, answer.error().describe());
  if (!health.page) return;
  // The counters of this very moment: those of the last look may be from before the probe.
  help_.sampler.sample(mount);
  // A tunnel that lives has at least taken the call from its socket.
  health.ignored_probe = health.probe == Probe::kSilent &&
                         health.last.numbers.connections_total == health.clients_before_probe;
}

void Healer::reportHang(MountRecord& mount) {
  const Health& health = mount.health;
  const auto stuck = health.traffic.stuck(context_.tools.clock.monotonic()).value_or(Duration(0));
  std::string why = health.ignored_probe ? "its tunnel does not read" : "no answer from the server";
  if (health.probe == Probe::kAnswered) why = "the server answers other connections";
  if (!health.last.facts.error.empty()) why += "; last error: " + health.last.facts.error;
  mount.health.last_error = "hangs: " + why;
  context_.tools.log.warning(
      "{}: hangs, calls have been waiting for {} while nothing came back: {}", mount.name,
      seconds(stuck), why);
}

void Healer::reportProgress(MountRecord& mount) {
  mount.novelty.clear("target");
  if (mount.health.traffic.gaveUp()) {
    return context_.tools.log.info("{}: nothing waits for its server any more", mount.name);
  }
  context_.tools.log.info("{}: answers again", mount.name);
}

void Healer::reconnect(const MountRecord& mount) {
  context_.tools.log.info("{}: asking its tunnel to connect anew", mount.name);
  help_.keeper.signal(mount, tunnel_control::kReconnectSignal, "SIGUSR1");
}

// While another mount covers it, or no child can be had, the question waits for its next time.
void Healer::checkRoot(MountRecord& mount) {
  const auto* visible = context_.view.visible(mount.port);
  if (visible != nullptr && help_.jobs.start(mount, Task::kRoot, AskRoot{visible->target})) return;
  // So that the question is not lost: decide() takes it for asked.
  mount.progress.health.root_wanted = true;
}

// A place is free for one that waits.
void Healer::wakeWaiting() {
  const auto waits = [](const auto& entry) { return entry.second.root_waits; };
  const auto next = std::find_if(context_.records.begin(), context_.records.end(), waits);
  if (next == context_.records.end()) return;
  next->second.root_waits = false;
  next->second.due = true;
}

void Healer::rootEnded(MountRecord& mount, const Result<std::string>& answer) {
  // First, whatever the answer is: a place is free.
  wakeWaiting();
  Health& health = mount.health;
  health.root = judgeRoot(answer);
  // In a row: a server that is just coming back may say so once.
  health.stale_answers = health.root == Root::kStale ? health.stale_answers + 1 : 0;
  if (health.root != Root::kStale) return mount.novelty.clear("stale");
  health.last_error = "stale file handle";
  if (mount.novelty.isNew("stale", "stale")) {
    context_.tools.log.warning(
        "{}: the server does not know the root of this mount any more (ESTALE)", mount.name);
  }
}

}  // namespace efs::watchdog
