#include "mounts/stray_tunnels.h"

#include <algorithm>

#include "repair/probes.h"

namespace efs::watchdog {

void StrayTunnels::find(const std::string& name, TunnelSearch& search, const Found& done) {
  const auto pid = search.byPort(state::parseMountName(name)->port);
  if (!pid) return done(pid.error());
  if (!*pid) return done(std::optional<pid_t>());
  // A port proves nothing, its number may have been given to another's tunnel; the command line
  // names the configuration. A child reads it, because `cmdline` waits for the memory lock of a
  // stuck process.
  const std::string config = context_.store.paths(name).tunnel_config;
  jobs_.startLoose(AskCommandLine{**pid}, [done, config, pid = *pid](const auto& answer) {
    // It has ended in between.
    if (!answer && answer.error().kind() == ErrorKind::kNotFound) {
      return done(std::optional<pid_t>());
    }
    if (!answer) return done(answer.error());
    const auto words = decodeCommandLine(*answer);
    const bool ours = std::find(words.begin(), words.end(), config) != words.end();
    done(ours ? pid : std::optional<pid_t>());
  });
}

}  // namespace efs::watchdog
