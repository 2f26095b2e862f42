// Rebuilder: mounts of tunnels that no state file tells about, and state files that tell nothing:
// adopted from what the kernel shows and what else lies in the state directory.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "mounts/context.h"
#include "mounts/record_jobs.h"
#include "mounts/registry.h"

namespace efs::watchdog {

class Rebuilder {
 public:
  Rebuilder(Context& context, RecordJobs& jobs, Registry& registry)
      : context_(context), jobs_(jobs), registry_(registry) {}

  // Compares the mount table with the records; what has been without one for a while gets a record
  // and a state file. So does what is not mounted (any more) but has a state
  // file that cannot be understood: its tunnel and its files are to go like those of others.
  void run();
  // When run() must be called even if neither has changed.
  std::optional<MonoTime> wake() const { return wake_; }

 private:
  struct Lost {
    std::string name;    // empty: the port tells
    std::string target;  // empty: not mounted
  };
  struct Missing {
    MonoTime since, next;
    int tries = 0;
  };
  struct Recovered {
    state::MountState state;
    std::string how;  // for people
  };
  std::map<int, Lost> withoutRecord() const;
  bool isPatient(const Missing& missing, MonoTime now);
  void retry(const Error& error);
  void tryOne(const Lost& lost, int port, Missing& missing, pid_t tunnel);
  Result<Recovered> recover(const std::string& name, const std::string& target, pid_t tunnel);
  Result<Recovered> rebuilt(const std::string& name, const std::string& target, pid_t tunnel);
  void failed(const std::string& name, const Lost& lost, const Error& error);
  void forgetBroken(const std::string& name);
  void explainStranger(const std::string& target, int port, pid_t tunnel);
  bool isOurs(const Result<std::string>& command_line) const;

  Context& context_;
  RecordJobs& jobs_;
  Registry& registry_;
  std::map<int, Missing> missing_since_;  // by port
  std::optional<MonoTime> wake_;
};

}  // namespace efs::watchdog
