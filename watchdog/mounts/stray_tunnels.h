// StrayTunnels: tunnels that no state file names, because who started one died before it noted it,
// or because the file is gone.
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>

#include "mounts/context.h"
#include "mounts/record_jobs.h"

namespace efs::watchdog {

class StrayTunnels {
 public:
  // nullopt: this mount has none. An error: it could not be found out.
  using Found = std::function<void(const Result<std::optional<pid_t>>&)>;

  StrayTunnels(Context& context, RecordJobs& jobs) : context_(context), jobs_(jobs) {}

  // The process that listens on the port of this mount and was started with its configuration:
  // another one there is somebody else's. `done` may run before this returns. Costs a look at all
  // processes.
  void find(const std::string& name, TunnelSearch& search, const Found& done);

 private:
  Context& context_;
  RecordJobs& jobs_;
};

}  // namespace efs::watchdog
