// The real NFS servers behind the mount targets: one nfs-ganesha per file system and access point,
// and, with `"separate_state": true`, per mount target: then opens and locks are known to one
// target only, whereas the file handles are good everywhere, because they come from the same data.
//
// A Linux client merges two mounts whose servers give the same owner in EXCHANGE_ID and the same
// client id, whatever the port. So each instance has its own UTS namespace with its own host name
// (ganesha's server owner) and its own epoch (the upper half of its client ids). With
// `"trunking": true` all access points of a file system share the instance of its root on purpose;
// they lose their path and user, which does not matter: such mounts are merged anyway.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "efs/base/subprocess.h"
#include "network.h"
#include "world.h"

namespace efs::simulator {

class GaneshaPool {
 public:
  // Starts all instances side by side and returns when each one listens. Must be called from a
  // thread that lives as long as the pool: an instance dies with the thread that started it
  // (PR_SET_PDEATHSIG).
  static Result<std::unique_ptr<GaneshaPool>> start(const World& world);
  GaneshaPool(const GaneshaPool&) = delete;
  GaneshaPool& operator=(const GaneshaPool&) = delete;
  ~GaneshaPool();

  // Where the instance listens; `access_point_id` is empty for the root of the file system.
  // `az` is that of the mount target.
  Result<Endpoint> find(const FileSystem& fs, const std::string& access_point_id,
                        const std::string& az) const;
  std::map<std::string, pid_t> pids() const;

 private:
  struct Plan {
    std::string key;
    std::string directory;
    std::string log_path;
    std::string export_path;
    std::string host_name;
    std::string epoch;
    std::string minor_versions;  // of NFS 4
    const AccessPoint* point = nullptr;
  };
  struct Instance {
    Plan plan;
    Endpoint endpoint;
    Subprocess process;
  };
  explicit GaneshaPool(bool trunking) : trunking_(trunking) {}
  Status launchFor(const FileSystem& fs, const std::string& az, const World& world);
  Status launch(const Plan& plan);
  Result<std::uint16_t> portOfItsOwn() const;
  Status waitUntilReady(Instance& instance, const StopSignal& never);

  const bool trunking_;
  std::int64_t epoch_ = 0;
  std::map<std::string, Instance> instances_;
};

}  // namespace efs::simulator
