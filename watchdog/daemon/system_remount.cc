#include "daemon/system_remount.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "daemon/child_job.h"
#include "efs/base/ask_child.h"
#include "efs/base/wait.h"
#include "efs/mounts/client_identifier.h"
#include "efs/mounts/mount_calls.h"
#include "efs/mounts/stacked_mount.h"
#include "efs/mounts/target_directory.h"
#include "efs/mounts/unmount.h"
#include "repair/probes.h"

namespace efs::watchdog {
namespace {

template <typename T>
class HeldValue final : public Held {
 public:
  explicit HeldValue(T value) : value_(std::move(value)) {}

 private:
  T value_;
};

template <typename T>
HeldPtr hold(T value) {
  return std::make_unique<HeldValue<T>>(std::move(value));
}

Status putAt(int mount, const std::string& target) {
  if (mounts::calls::moveMountTo(mount, target.c_str()) == 0) return {};
  return Error::fromErrno(errno, "putting the new mount at " + target);
}

class SystemNewMount final : public NewMount {
 public:
  explicit SystemNewMount(mounts::DetachedMount mount) : mount_(std::move(mount)) {}

  Result<std::optional<int>> tunnelPort() override { return mount_.tunnelPort(); }
  Status askRoot() override { return mount_.askRoot(); }
  // The kernel walks into the old mount to find its place, with a silent server for ever: so a
  // child tries.
  std::optional<bool> attachBeneath(const mounts::MountIdentity& old, Duration patience) override {
    ChildRules rules;
    rules.kept_fds = {mount_.fd()};
    const auto attach = [&](int /*out*/) {
      const auto place = mounts::TargetDirectory::open(old.target);
      return place && place->mountId() == old.id && mount_.attachBeneath(place->fd()) ? 0 : 1;
    };
    const auto answer = askChild(patience, attach, rules);
    if (!answer) return false;
    if (answer->end == ChildAnswer::End::kTimedOut || answer->end == ChildAnswer::End::kCancelled) {
      return std::nullopt;
    }
    return answer->status.code == 0;
  }
  Status attach(const std::string& target) override { return putAt(mount_.fd(), target); }
  Result<bool> detachIfStacked(int parent) override {
    return mounts::detachIfStacked(mount_.fd(), parent);
  }

 private:
  mounts::DetachedMount mount_;
};

// A copy of a staged mount: all that can be done with it is to put it somewhere.
class TakenUp final : public NewMount {
 public:
  explicit TakenUp(UniqueFd tree) : tree_(std::move(tree)) {}
  Result<std::optional<int>> tunnelPort() override { return unknown(); }
  Status askRoot() override { return unknown(); }
  std::optional<bool> attachBeneath(const mounts::MountIdentity& /*old*/,
                                    Duration /*patience*/) override {
    return false;
  }
  Status attach(const std::string& target) override { return putAt(tree_.get(), target); }
  Result<bool> detachIfStacked(int parent) override {
    return mounts::detachIfStacked(tree_.get(), parent);
  }

 private:
  static Error unknown() {
    return Error(ErrorKind::kUnsupported, "a mount that was taken up is asked nothing");
  }
  UniqueFd tree_;
};

class SystemDetachment final : public Detachment {
 public:
  explicit SystemDetachment(mounts::UnmountJob job) : job_(std::move(job)) {}
  Result<std::optional<int>> ended() override { return job_.wait(Duration(0)); }
  void kill() override { job_.kill(); }

 private:
  mounts::UnmountJob job_;
};

class SystemTableEvents final : public TableEvents {
 public:
  explicit SystemTableEvents(UniqueFd monitor) : monitor_(std::move(monitor)) {}
  void wait(Duration patience) override { (void)waitReady(monitor_.get(), POLLPRI, patience); }

 private:
  UniqueFd monitor_;
};

}  // namespace

std::unique_ptr<NewMount> SystemRemount::wrap(mounts::DetachedMount mount) {
  return std::make_unique<SystemNewMount>(std::move(mount));
}

Result<mounts::MountTable> SystemRemount::mountTable() { return mounts::MountTable::readKernel(); }

bool SystemRemount::stillAttached(const mounts::MountIdentity& mount) {
  return mount.stillAttached();
}

Result<std::unique_ptr<TableEvents>> SystemRemount::tableEvents() {
  EFS_TRY(monitor, mounts::openMountMonitor());
  return std::unique_ptr<TableEvents>(std::make_unique<SystemTableEvents>(std::move(monitor)));
}

Result<HeldPtr> SystemRemount::ownIdentifier(const std::string& lock_path, Duration patience) {
  const SystemClock clock;
  EFS_TRY(identifier,
          mounts::OwnClientIdentifier::set(lock_path, clock, patience, [](const std::string&) {
            return mounts::randomClientIdentifier();
          }));
  return hold(std::move(identifier));
}

Result<HeldPtr> SystemRemount::tryLockPlace(const std::string& lock_path,
                                            const std::string& target) {
  const auto place = mounts::TargetDirectory::beneath(target);
  if (!place) return HeldPtr();  // cannot be told: kernels before 5.2
  EFS_TRY(lock, mounts::TargetLock::tryAcquire(lock_path, *place));
  return hold(std::move(lock));
}

Result<std::string> SystemRemount::runMaker(unsigned seconds, Duration patience,
                                            const std::function<Result<std::string>()>& body) {
  // Without the job nobody would give the identifier back.
  EFS_TRY(maker, ChildJob::start(seconds, body, ChildJob::Life::kOurs));
  EFS_TRY(ended, waitReady(maker.pidFd(), POLLIN, patience));
  if (!ended) maker.kill();
  if (!ended) return Error(ErrorKind::kTimeout, "the remount does not end");
  return maker.finish();
}

void SystemRemount::setDeadline(unsigned seconds) { ::alarm(seconds); }

void SystemRemount::beUninterrupted() {
  ::alarm(0);
  ::prctl(PR_SET_PDEATHSIG, 0);
}

Status SystemRemount::pause(Duration time) { return sleepFor(time); }

Result<std::unique_ptr<NewMount>> SystemRemount::makeMount(const mounts::NfsMountRequest& request) {
  EFS_TRY(made, mounts::DetachedMount::make(request));
  return made ? wrap(std::move(*made)) : nullptr;
}

Status SystemRemount::mountAt(const mounts::NfsMountRequest& request, Duration patience) {
  mounts::MountRules rules;
  rules.patience = patience;
  rules.api = mounts::MountApi::kClassic;
  const auto mounted = mounts::mountNfs(request, rules);
  return mounted ? Status() : Status(mounted.error());
}

Result<std::unique_ptr<NewMount>> SystemRemount::takeUp(const std::string& path) {
  // Found out only after the old mount is gone, it would leave the place bare.
  if (!mounts::calls::movesMounts()) return std::unique_ptr<NewMount>();
  UniqueFd tree(mounts::calls::cloneTree(path.c_str()));
  if (tree.valid()) return std::unique_ptr<NewMount>(std::make_unique<TakenUp>(std::move(tree)));
  if (errno == ENOSYS) return std::unique_ptr<NewMount>();
  return Error::fromErrno(errno, "taking up " + path);
}

Status SystemRemount::bind(const std::string& from, const std::string& to) {
  if (::mount(from.c_str(), to.c_str(), nullptr, MS_BIND, nullptr) == 0) return {};
  return Error::fromErrno(errno, "putting the new mount at " + to);
}

Result<std::string> SystemRemount::askRoot(const std::string& path) {
  return watchdog::askRoot(path);
}

Result<std::unique_ptr<Detachment>> SystemRemount::detach(const std::string& target) {
  EFS_TRY(job, mounts::UnmountJob::start(target, {.force = false, .lazy = true}));
  return std::unique_ptr<Detachment>(std::make_unique<SystemDetachment>(std::move(job)));
}

bool SystemRemount::detachNow(const std::string& path) {
  return ::umount2(path.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) == 0;
}

}  // namespace efs::watchdog
