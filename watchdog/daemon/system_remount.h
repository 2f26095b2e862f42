// SystemRemount: the steps of a remount by the running kernel's calls. Used in the child of a job.
#pragma once

#include <memory>

#include "efs/mounts/detached_mount.h"
#include "tools/remount_calls.h"

namespace efs::watchdog {

class SystemRemount : public RemountCalls {
 public:
  static std::unique_ptr<NewMount> wrap(mounts::DetachedMount mount);

  Result<mounts::MountTable> mountTable() override;
  bool stillAttached(const mounts::MountIdentity& mount) override;
  Result<std::unique_ptr<TableEvents>> tableEvents() override;
  Result<HeldPtr> ownIdentifier(const std::string& lock_path, Duration patience) override;
  Result<HeldPtr> tryLockPlace(const std::string& lock_path, const std::string& target) override;
  Result<std::string> runMaker(unsigned seconds, Duration patience,
                               const std::function<Result<std::string>()>& body) override;
  void setDeadline(unsigned seconds) override;
  void beUninterrupted() override;
  Status pause(Duration time) override;
  Result<std::unique_ptr<NewMount>> makeMount(const mounts::NfsMountRequest& request) override;
  Status mountAt(const mounts::NfsMountRequest& request, Duration patience) override;
  Result<std::unique_ptr<NewMount>> takeUp(const std::string& path) override;
  Status bind(const std::string& from, const std::string& to) override;
  Result<std::string> askRoot(const std::string& path) override;
  Result<std::unique_ptr<Detachment>> detach(const std::string& target) override;
  bool detachNow(const std::string& path) override;
};

}  // namespace efs::watchdog
