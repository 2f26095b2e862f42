#include "mounts/tunnel_watch.h"

#include <utility>

namespace efs::watchdog {

void TunnelWatch::begin(MountRecord& mount, TunnelPtr tunnel) {
  mount.tunnel = std::move(tunnel);
  // Probes and counters of the tunnel before it say nothing about this one.
  ++mount.health.generation;
  const Duration hang = context_.policy.health.hang;
  if (hang > Duration(0) && !context_.next_sample) {
    context_.next_sample = context_.tools.clock.monotonic() + hang / 3;
  }
  // By name: the event may come when the record is gone.
  const auto watched = mount.tunnel->whenEnded([this, name = mount.name] { ended(name); });
  // Without the event the periodic check still finds it.
  if (!watched) context_.tools.log.warning("{}: {}", mount.name, watched.error().describe());
}

void TunnelWatch::noteEnd(MountRecord& mount) {
  if (mount.tunnel && mount.tunnel->ended()) ended(mount.name);
}

void TunnelWatch::ended(const std::string& name) {
  MountRecord* const mount = context_.find(name);
  if (mount == nullptr || !mount->tunnel) return;
  Log& log = context_.tools.log;
  // Only our own children have a status; an adopted tunnel is reaped by whoever is its parent.
  if (const auto status = mount->tunnel->reap()) {
    log.warning("Child TLS tunnel process {} has exited, returncode={}", mount->tunnel->pid(),
                status->signal != 0 ? -status->signal : status->code);
  }
  if (mount->progress.term_sent) {
    log.info("TLS tunnel: {} is no longer running, cleaning up state", mount->tunnel->pid());
  }
  mount->tunnel.reset();
  mount->health.page.reset();
  mount->due = true;
}

}  // namespace efs::watchdog
