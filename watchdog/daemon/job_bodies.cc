#include "daemon/job_bodies.h"

#include "act/renewal.h"
#include "efs/state/state_store.h"
#include "repair/network_search.h"
#include "repair/probes.h"

namespace efs::watchdog {
namespace {

constexpr unsigned kStagingDeadlineSeconds = 30;
constexpr unsigned kCommandLineDeadlineSeconds = 5;
constexpr unsigned kRemovalDeadlineSeconds = 20;
constexpr unsigned kNetworkDeadlineSeconds = 20;

struct DeadlineOf {
  unsigned operator()(const RenewalRequest&) const { return kRenewalDeadlineSeconds; }
  unsigned operator()(const ProbeTunnel&) const { return kProbeDeadlineSeconds; }
  unsigned operator()(const AskRoot&) const { return kRootDeadlineSeconds; }
  unsigned operator()(const AskTarget&) const { return kTargetDeadlineSeconds; }
  unsigned operator()(const FindTarget&) const { return kTargetDeadlineSeconds; }
  unsigned operator()(const AskCommandLine&) const { return kCommandLineDeadlineSeconds; }
  unsigned operator()(const RemoveFiles&) const { return kRemovalDeadlineSeconds; }
  unsigned operator()(const RemountPlan&) const { return kRemountDeadlineSeconds; }
  unsigned operator()(const ClearStaging&) const { return kStagingDeadlineSeconds; }
  unsigned operator()(const ClearStagingPath&) const { return kStagingDeadlineSeconds; }
  unsigned operator()(const FindNetwork&) const { return kNetworkDeadlineSeconds; }
};

struct Body {
  const RemountTools& tools;

  Result<std::string> operator()(const RenewalRequest& job) const { return renewInChild(job); }
  Result<std::string> operator()(const ProbeTunnel& job) const { return askTunnel(job.port); }
  Result<std::string> operator()(const AskRoot& job) const { return askRoot(job.mountpoint); }
  Result<std::string> operator()(const AskTarget& job) const {
    return askTarget(job.host, job.port);
  }
  Result<std::string> operator()(const FindTarget& job) const {
    return findOtherTarget(job.names, job.current, job.port);
  }
  Result<std::string> operator()(const AskCommandLine& job) const {
    return askCommandLine(job.pid);
  }
  Result<std::string> operator()(const RemoveFiles& job) const {
    EFS_CHECK(state::StateStore(job.directory, tools.files).removeMount(job.name, &job.state));
    return std::string();
  }
  Result<std::string> operator()(const RemountPlan& job) const {
    return remountInChild(job, tools);
  }
  Result<std::string> operator()(const ClearStaging& job) const {
    return clearStaging(job.folder, tools);
  }
  Result<std::string> operator()(const ClearStagingPath& job) const {
    return clearStagingPath(job.path, tools);
  }
  Result<std::string> operator()(const FindNetwork& job) const { return findNetwork(job.device); }
};

}  // namespace

unsigned deadlineSeconds(const JobRequest& request) { return std::visit(DeadlineOf(), request); }

Result<std::string> runJob(const JobRequest& request, const RemountTools& tools) {
  return std::visit(Body{tools}, request);
}

}  // namespace efs::watchdog
