#include "efs/mounts/client_identifier.h"

#include <unistd.h>

#include <array>
#include <utility>

#include "efs/base/log.h"
#include "efs/base/random.h"
#include "efs/base/text.h"

namespace efs::mounts {
namespace {

constexpr std::size_t kIdentifierBytes = 8;

std::string hostName() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0 || name[0] == '\0') return "localhost";
  return name.data();
}

bool isOurs(const std::string& identifier) {
  return identifier.rfind(kClientIdentifierPrefix, 0) == 0;
}

// What stands where nothing was chosen: the kernel takes no empty value, and one that is there
// hides the module parameter. The host name, which is in the client's name anyway, comes nearest to
// none.
std::string standIn(const KernelIdentifier& kernel) {
  const std::string parameter = kernel.moduleParameter();
  return parameter.empty() ? hostName() : parameter;
}

// The value that must be there afterwards; empty: nobody chose one. Whoever changed it since a
// process of ours was killed has the last word.
Result<std::string> formerValue(const KernelIdentifier& kernel, const IdentifierJournal& journal) {
  EFS_TRY(now, kernel.read());
  const bool nobodys = now.empty() || isOurs(now) || now == standIn(kernel);
  if (!nobodys) return now;
  const auto before = journal.unfinished();
  if (before && !isOurs(*before)) return *before;
  return isOurs(now) ? std::string() : now;
}

Status restore(const KernelIdentifier& kernel, const std::string& former) {
  return kernel.write(former.empty() ? standIn(kernel) : former);
}

// What an administrator chose; our own stand-in is no choice.
std::string uniquifier(const KernelIdentifier& kernel, const std::string& former) {
  return former.empty() || former == hostName() ? kernel.moduleParameter() : former;
}

}  // namespace

std::string randomClientIdentifier() {
  return kClientIdentifierPrefix + hex(randomBytes(kIdentifierBytes));
}

std::string clientIdentifier(const HostIdentity& host, const std::string& uniquifier,
                             const std::string& mount) {
  return kClientIdentifierPrefix +
         shortName(join({host.text(), "uniquifier " + uniquifier, mount}, "\n"));
}

std::string classicClientIdentifier(const std::string& mount) {
  return kClientIdentifierPrefix + shortName(mount);
}

Result<OwnClientIdentifier> OwnClientIdentifier::set(const std::string& lock_path,
                                                     const Clock& clock, Duration patience,
                                                     const Namer& namer, const KernelOpener& open) {
  const Deadline deadline(clock, patience);
  EFS_TRY(lock, FileLock::acquire(lock_path, clock, patience));
  EFS_TRY(kernel, open());
  EFS_CHECK(kernel.lock(clock, deadline.left()));
  IdentifierJournal journal(lock_path);
  EFS_TRY(former, formerValue(kernel, journal));
  const std::string own = namer(uniquifier(kernel, former));
  if (const auto noted = journal.begin(former); !noted) {
    log::debug("a crash would keep the former client identifier: {}", noted.error().describe());
  }
  if (auto written = kernel.write(own); !written) {
    // Nothing was changed: a container whose sysfs is read-only.
    journal.finish();
    return std::move(written.error()).setKind(ErrorKind::kUnsupported);
  }
  return OwnClientIdentifier(std::move(lock), std::move(kernel), std::move(journal),
                             std::move(former));
}

OwnClientIdentifier::OwnClientIdentifier(OwnClientIdentifier&& other) noexcept
    : lock_(std::move(other.lock_)),
      kernel_(std::move(other.kernel_)),
      journal_(std::move(other.journal_)),
      former_(std::move(other.former_)),
      owned_(std::exchange(other.owned_, false)) {}

OwnClientIdentifier::~OwnClientIdentifier() {
  if (owned_ && restore(kernel_, former_)) journal_.finish();
}

Result<bool> restoreClientIdentifier(const std::string& lock_path, const KernelOpener& open) {
  const IdentifierJournal journal(lock_path);
  if (!journal.exists()) return false;
  auto lock = FileLock::tryAcquire(lock_path);
  if (!lock && lock.error().kind() == ErrorKind::kBusy) return false;
  if (!lock) return std::move(lock.error());
  // Its holder may have put everything right since; what was before a boot is gone with it.
  if (!journal.unfinished()) {
    journal.finish();
    return false;
  }
  EFS_TRY(kernel, open());
  if (const auto free = kernel.lock(SystemClock(), Duration(0)); !free) return false;
  EFS_TRY(former, formerValue(kernel, journal));
  EFS_CHECK(restore(kernel, former));
  journal.finish();
  return true;
}

}  // namespace efs::mounts
