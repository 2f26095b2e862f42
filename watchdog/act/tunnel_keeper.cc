#include "act/tunnel_keeper.h"

#include <signal.h>

#include <utility>

#include "efs/base/text.h"
#include "efs/tunnel_control/tunnel_launcher.h"

namespace efs::watchdog {

Result<std::string> usableProgram(Processes& processes,
                                  const tunnel_control::TunnelCommand& command) {
  if (!command.stunnel && processes.isProgram(command.binary)) return command.binary;
  return processes.findTunnelProgram();
}

// Contract UP-2: from what any version wrote to a command that exists here. Never a foreign
// program: the state file only chooses among tunnels.
Result<std::vector<std::string>> TunnelKeeper::restartCommand(const MountRecord& mount) const {
  if (!mount.command) return mount.command.error();
  const auto& command = *mount.command;
  EFS_TRY(program, usableProgram(context_.tools.processes, command));
  if (command.stunnel || program != command.binary) {
    return tunnel_control::tunnelCommand(program, command.config_path, command.tls);
  }
  // Without "nsenter --net=...": the namespace is entered by our own child.
  return std::vector(mount.state.cmd.begin() + (command.netns.empty() ? 0 : 2),
                     mount.state.cmd.end());
}

void TunnelKeeper::start(MountRecord& mount) {
  if (mount.novelty.isNew("dead", "dead")) {
    context_.tools.log.warning("TLS tunnel for {} is not running", mount.name);
  }
  const auto started = tryStart(mount);
  if (started) {
    mount.novelty.clear("dead");
    mount.novelty.clear("start");
    return;
  }
  const std::string reason = started.error().describe();
  if (mount.novelty.isNew("start", reason)) {
    context_.tools.log.warning("Watchdog failed to start the TLS tunnel for {}, trying again: {}",
                               mount.name, reason);
  }
}

Status TunnelKeeper::tryStart(MountRecord& mount) {
  // Whatever an administrator or another version wrote since the last scan is what the tunnel is to
  // be started with.
  files_.readIfChanged(mount);
  files_.restoreConfig(mount);
  EFS_TRY(command, restartCommand(mount));
  // Before the process: the kernel's connection waits in the backlog meanwhile, where it would be
  // refused and pause for 3 s otherwise (TUN-6).
  EFS_CHECK(ensureListener(mount));
  Log& log = context_.tools.log;
  log.info("Starting TLS tunnel: \"{}\"", printable(join(command, " "), 1000));
  EFS_TRY(tunnel, context_.tools.processes.start({.command = command,
                                                  .listener = mount.listener.get(),
                                                  .network = mount.command->netns}));
  const pid_t pid = tunnel->pid();
  log.info("Started efs-proxy, pid: {}", pid);
  watch_.begin(mount, std::move(tunnel));
  ++mount.restarts;
  // Only now: whoever dies before this is saved leaves a tunnel that no file names; Unmounter and
  // Leftovers look for such by its port.
  mount.state.pid = pid;
  files_.save(mount);
  return {};
}

// A mount of an older version, whose tunnel was dead before we could duplicate its socket: from now
// on the port stays open.
Status TunnelKeeper::ensureListener(MountRecord& mount) {
  if (mount.listener) return {};
  EFS_TRY(listener, context_.tools.ports.listen(mount.port, mount.command->netns));
  mount.listener = std::move(listener);
  context_.tools.listeners.storeListener(mount.name, *mount.listener);
  return {};
}

void TunnelKeeper::terminate(const MountRecord& mount) {
  context_.tools.log.info("Unmount grace period expired for {}", mount.name);
  signal(mount, SIGTERM, "SIGTERM");
}

void TunnelKeeper::kill(const MountRecord& mount) {
  context_.tools.log.info("TLS tunnel: {} is still running, will retry termination",
                          mount.tunnel->pid());
  signal(mount, SIGKILL, "SIGKILL");
}

void TunnelKeeper::replace(MountRecord& mount, const char* why) {
  // No SIGTERM first: a tunnel that does not read its sockets would not notice it, and one whose
  // server is silent has nothing to end in good order.
  context_.tools.log.warning("{}: replacing its tunnel {}: {}", mount.name, mount.tunnel->pid(),
                             why);
  mount.health.ignored_probe = false;
  signal(mount, SIGKILL, "SIGKILL");
}

void TunnelKeeper::signal(const MountRecord& mount, int signo, const char* name) {
  if (!mount.tunnel) return;
  context_.tools.log.info("Sending signal {}({}) to stunnel. PID: {}, mount: {}", name, signo,
                          mount.tunnel->pid(), mount.name);
  if (const auto sent = mount.tunnel->signal(signo); !sent) {
    context_.tools.log.warning("{}: {}", mount.name, sent.error().describe());
  }
}

}  // namespace efs::watchdog
