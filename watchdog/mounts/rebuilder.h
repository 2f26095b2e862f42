// Rebuilder: mounts of tunnels that no state file tells about: adopted from what the kernel shows
// and what else lies in the state directory.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "mounts/context.h"
#include "mounts/record_jobs.h"

namespace efs::watchdog {

class Rebuilder {
 public:
  Rebuilder(Context& context, RecordJobs& jobs) : context_(context), jobs_(jobs) {}

  // Compares the mount table with the records; what has been without a record for a while gets a
  // state file, which the next scan reads.
  void run();
  // When run() must be called even if neither has changed.
  std::optional<MonoTime> wake() const { return wake_; }

 private:
  struct Missing {
    MonoTime since;
    bool tried;
  };
  using Entries = std::map<int, const mounts::MountEntry*>;
  Entries withoutRecord() const;
  bool patient(const Missing& missing, MonoTime now);
  void retry(const Error& error);
  void rebuild(const mounts::MountEntry& entry, int port, pid_t tunnel);
  bool restoreCopy(const std::string& name, const std::string& target, pid_t tunnel);
  void write(const std::string& name, const state::MountState& state);
  void explainStranger(const std::string& target, int port, pid_t tunnel);
  bool isOurs(const Result<std::string>& command_line) const;

  Context& context_;
  RecordJobs& jobs_;
  std::map<int, Missing> missing_since_;  // by port
  std::optional<MonoTime> wake_;
};

}  // namespace efs::watchdog
