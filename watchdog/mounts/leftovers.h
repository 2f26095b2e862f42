// Leftovers: files of mounts that have no state file. A mount.efs that was killed, or found the
// disk full, before it wrote the first one leaves a configuration or a directory that no record
// tells about, and its port would stay reserved for ever.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "mounts/context.h"
#include "mounts/record_jobs.h"

namespace efs::watchdog {

class Leftovers {
 public:
  Leftovers(Context& context, RecordJobs& jobs) : context_(context), jobs_(jobs) {}

  // Once a minute. What has been here for ten minutes, and is nobody's, is removed by a child.
  void sweep();

 private:
  bool isUnused(const std::string& name, TunnelSearch& search) const;

  Context& context_;
  RecordJobs& jobs_;
  std::map<std::string, MonoTime> seen_;  // name of the mount -> since when
};

// Of the names in a state directory: mounts of which there is something, but no state file, pending
// or not.
std::set<std::string> namesWithoutState(const std::vector<std::string>& entries);

}  // namespace efs::watchdog
