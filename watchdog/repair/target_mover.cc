#include "repair/target_mover.h"

#include <signal.h>

#include "efs/base/text.h"
#include "efs/tunnel_control/tunnel_config.h"
#include "repair/probes.h"
#include "repair/target_switch.h"

namespace efs::watchdog {
namespace {

Result<tunnel_control::TunnelConfig> parseConfig(const RecordFiles& files,
                                                 const MountRecord& mount) {
  EFS_TRY(text, files.configText(mount));
  return tunnel_control::TunnelConfig::parse(text, mount.command->config_path);
}

}  // namespace

void TargetMover::findTarget(MountRecord& mount) {
  const auto config = parseConfig(files_, mount);
  if (!config) {
    return context_.tools.log.warning("{}: {}", mount.name, config.error().describe());
  }
  // The certificate of each target bears the regional name.
  const std::string name = config->check_host.empty() ? config->connect_host : config->check_host;
  // Moved before, it uses an address, and its own name is remembered.
  const std::string own = mount.health.home.value_or(config->connect_host + ":");
  (void)jobs_.start(
      mount, Task::kFindTarget,
      FindTarget{.names = targetNames(name, mount.state.region, own.substr(0, own.rfind(':'))),
                 .current = config->connect_host,
                 .port = config->connect_port});
}

void TargetMover::targetFound(MountRecord& mount, const Result<std::string>& answer) {
  // It may answer again by now; only a mount that still hangs is moved.
  if (!mount.tunnel || !mount.progress.health.hung_since) return;
  Log& log = context_.tools.log;
  if (!answer) {
    const std::string reason = answer.error().describe();
    if (mount.novelty.isNew("target", reason)) log.warning("{}: {}", mount.name, reason);
    return;
  }
  const auto text = files_.configText(mount);
  // The configuration before the tunnel: one that dies in between comes back with the new target,
  // and a watchdog that dies sees by `connect_home` that the mount is away.
  const Status written = rewrite(mount, text ? moveTo(*text, *answer) : text);
  if (!written) return log.error("{}: {}", mount.name, written.error().describe());
  mount.health.home_answers = Seen::kUnknown;
  log.warning("{}: its mount target {} does not answer, using {} until it does", mount.name,
              mount.health.home.value_or("?"), *answer);
  keeper_.replace(mount, "it uses another mount target from now on");
}

Status TargetMover::rewrite(MountRecord& mount, const Result<std::string>& text) {
  if (!text) return text.error();
  return files_.writeConfig(mount, *text);
}

void TargetMover::checkHome(MountRecord& mount) {
  const std::string home = mount.health.home.value_or("");
  const std::size_t colon = home.rfind(':');
  const auto port = colon == std::string::npos ? std::nullopt : parseInt(home.substr(colon + 1));
  if (!port || *port < 1 || *port > 65535) return;
  (void)jobs_.start(mount, Task::kHome,
                    AskTarget{.host = home.substr(0, colon), .port = static_cast<int>(*port)});
}

void TargetMover::homeAnswered(MountRecord& mount, const Result<std::string>& answer) {
  mount.health.home_answers = toSeen(answer.has_value());
}

void TargetMover::returnHome(MountRecord& mount) {
  const auto text = files_.configText(mount);
  const std::string home = mount.health.home.value_or("?");
  const Status written = rewrite(mount, text ? moveHome(*text) : text);
  if (!written) {
    return context_.tools.log.error("{}: {}", mount.name, written.error().describe());
  }
  context_.tools.log.info("{}: its own mount target {} answers again, going back", mount.name,
                          home);
  // In good order, unlike on the way out: this mount works. decide() then starts the successor.
  keeper_.signal(mount, SIGTERM, "SIGTERM");
}

}  // namespace efs::watchdog
