// HealthSampler: how long the calls of mounts have been waiting, from counters that others keep:
// the tunnel's page, the NFS client's, queues of sockets. Nothing here asks a mount or a tunnel
// anything.
#pragma once

#include <optional>
#include <string>

#include "mounts/context.h"

namespace efs::watchdog {

class HealthSampler {
 public:
  explicit HealthSampler(Context& context) : context_(context) {}

  // One round for all mounts, if it is time for it.
  void runIfDue();
  // Its tunnel's page, as far as it has one.
  void sample(MountRecord& mount) const;

 private:
  void readKernelCounters(MonoTime now);
  void readSocketQueues(MonoTime now);
  void openPage(MountRecord& mount) const;

  Context& context_;
  std::optional<MonoTime> next_kernel_counters_;
  std::string last_rpc_counters_;
  std::optional<MonoTime> last_queue_look_;
};

}  // namespace efs::watchdog
