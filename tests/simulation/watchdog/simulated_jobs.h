// SimulatedJobs: the watchdog's children. Those that act on files and mounts run the product's own
// code, step by step; what others would hear from the network is what the world knows.
#pragma once

#include <map>
#include <memory>

#include "actors.h"
#include "tools/jobs.h"

namespace efs::watchdog::simulation {

struct World;

class SimulatedJobs final : public Jobs {
 public:
  explicit SimulatedJobs(World& world) : world_(world) {}
  // Children outlive the watchdog.
  ~SimulatedJobs() override = default;

  Result<JobId> start(JobRequest request, JobDone done) override;
  void abandon(JobId id) override;

 private:
  World& world_;
  JobId last_ = 0;
  std::map<JobId, ActorPtr> running_;
};

}  // namespace efs::watchdog::simulation
