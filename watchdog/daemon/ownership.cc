#include "daemon/ownership.h"

#include "efs/base/log.h"
#include "efs/base/lost_lock.h"

namespace efs::watchdog {
namespace {

// umount.efs takes the lock while it ends a tunnel itself, which has its own deadlines; a newcomer
// for as long as it takes to find us. Only another watchdog keeps it longer.
constexpr Duration kContest{15000};

}  // namespace

Status Ownership::take() {
  const std::string path = store_.locks().watchdog;
  EFS_TRY(lock, FileLock::tryAcquire(path));
  // Not before: one that has just made its lock anew is found at the file itself.
  if (const auto owner = holderOfDeleted(path)) {
    return Error(ErrorKind::kBusy, "process " + std::to_string(*owner) + " holds " + path +
                                       ", whose file was deleted");
  }
  lock_.emplace(std::move(lock));
  return {};
}

Ownership::Standing Ownership::keep() {
  const std::string path = store_.locks().watchdog;
  if (!lock_->isAt(path)) {
    auto again = FileLock::tryAcquire(path);
    if (!again && again.error().kind() != ErrorKind::kBusy) return Standing::kOurs;
    if (!again) {
      const MonoTime now = clock_.monotonic();
      if (!contested_since_) {
        log::warning("{} is a new file in place of our lock that was deleted, and held: {}", path,
                     again.error().describe());
      }
      if (!contested_since_) contested_since_ = now;
      return now - *contested_since_ < kContest ? Standing::kContested : Standing::kLost;
    }
    log::warning("somebody deleted {}; it is made anew", path);
    lock_.emplace(std::move(*again));
  }
  contested_since_.reset();
  return Standing::kOurs;
}

}  // namespace efs::watchdog
