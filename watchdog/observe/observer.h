// Observer: what is seen of one mount at one moment. Changes nothing, neither in the record nor in
// the world.
#pragma once

#include "judge/decide.h"
#include "mounts/context.h"
#include "mounts/record_jobs.h"
#include "observe/certificate_view.h"

namespace efs::watchdog {

class Observer {
 public:
  Observer(const Context& context, const RecordJobs& jobs, const CertificateView& certificates)
      : context_(context), jobs_(jobs), certificates_(certificates) {}

  // By what the mount table and the record's caches said last.
  Observation observe(const MountRecord& mount) const;

 private:
  void observePending(const MountRecord& mount, Observation& seen) const;
  void observePort(const MountRecord& mount, Observation& seen) const;
  void observeHealth(const MountRecord& mount, Observation& seen) const;
  bool isBeingMade(const std::string& name) const;
  Seen locksOn(const MountRecord& mount) const;

  const Context& context_;
  const RecordJobs& jobs_;
  const CertificateView& certificates_;
};

}  // namespace efs::watchdog
