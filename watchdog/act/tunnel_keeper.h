// TunnelKeeper: starts a mount's tunnel behind its listener, and signals it. The words of the log
// lines are the search anchors of contract section 19.
#pragma once

#include <string>
#include <vector>

#include "mounts/context.h"
#include "mounts/record_files.h"
#include "mounts/tunnel_watch.h"

namespace efs::watchdog {

class TunnelKeeper {
 public:
  TunnelKeeper(Context& context, RecordFiles& files, TunnelWatch& watch)
      : context_(context), files_(files), watch_(watch) {}

  // Tells what is wrong, once; the next try is decide()'s.
  void start(MountRecord& mount);
  Status tryStart(MountRecord& mount);
  void terminate(const MountRecord& mount);
  void kill(const MountRecord& mount);
  // SIGKILL; decide() then starts its successor behind the same listener.
  void replace(MountRecord& mount, const char* why);
  // A failure is told.
  void signal(const MountRecord& mount, int signo, const char* name);

 private:
  Result<std::vector<std::string>> restartCommand(const MountRecord& mount) const;
  Status ensureListener(MountRecord& mount);

  Context& context_;
  RecordFiles& files_;
  TunnelWatch& watch_;
};

// The program of the command, or where that is none of ours any more, the installed one.
Result<std::string> usableProgram(Processes& processes,
                                  const tunnel_control::TunnelCommand& command);

}  // namespace efs::watchdog
