#include "efs/mounts/mount_identity.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <vector>

#include "efs/base/files.h"
#include "efs/base/text.h"

namespace efs::mounts {
namespace {

// include/uapi/linux/mount.h, the same numbers on every architecture.
constexpr long kStatMount = 457;
constexpr long kListMount = 458;
constexpr std::uint64_t kAllMounts = ~std::uint64_t{0};  // LSMT_ROOT
constexpr std::uint64_t kMountBasic = 2;                 // STATMOUNT_MNT_BASIC

struct Request {
  std::uint32_t size = 24;  // MNT_ID_REQ_SIZE_VER0
  std::uint32_t spare = 0;
  std::uint64_t id = 0;
  std::uint64_t param = 0;
};

// The beginning of struct statmount, which is followed by strings that are not asked for.
struct Answer {
  std::uint32_t size;
  std::uint32_t options;
  std::uint64_t mask;
  std::uint32_t device_major, device_minor;
  std::uint64_t magic;
  std::uint32_t superblock_flags, type;
  std::uint64_t id, parent_id;
  std::uint32_t old_id, old_parent_id;
  std::array<std::uint64_t, 64> rest;
};

// The number of the table; nullopt: gone, or the kernel does not say.
std::optional<int> oldId(std::uint64_t unique) {
  Request request;
  request.id = unique;
  request.param = kMountBasic;
  Answer answer{};
  if (::syscall(kStatMount, &request, &answer, sizeof answer, 0) != 0) return std::nullopt;
  if ((answer.mask & kMountBasic) == 0) return std::nullopt;
  return static_cast<int>(answer.old_id);
}

std::optional<std::uint64_t> uniqueId(int id) {
  Request request;
  request.id = kAllMounts;
  std::array<std::uint64_t, 256> batch{};
  while (true) {
    const long got = ::syscall(kListMount, &request, batch.data(), batch.size(), 0);
    if (got <= 0) return std::nullopt;
    for (long i = 0; i < got; ++i) {
      const std::uint64_t unique = batch.at(static_cast<std::size_t>(i));
      if (oldId(unique) == id) return unique;
    }
    request.param = batch.at(static_cast<std::size_t>(got - 1));
  }
}

}  // namespace

// statx(2) tells it only since Linux 5.8.
Result<int> mountIdOf(int fd) {
  const std::string path = "/proc/self/fdinfo/" + std::to_string(fd);
  EFS_TRY(text, readFile(path));
  constexpr std::string_view kKey = "mnt_id:";
  const auto found = text.find(kKey);
  if (found != std::string::npos) {
    const auto rest = std::string_view(text).substr(found + kKey.size());
    if (const auto id = parseInt(trim(rest.substr(0, rest.find('\n'))))) {
      return static_cast<int>(*id);
    }
  }
  return Error(ErrorKind::kProtocol, path + " names no mount");
}

MountIdentity MountIdentity::of(const MountEntry& entry) {
  return {entry.target, entry.id, entry.device, entry.tunnelPort(), uniqueId(entry.id)};
}

bool MountIdentity::is(const MountEntry& entry) const {
  return entry.id == id && entry.target == target && entry.device == device &&
         entry.tunnelPort() == port;
}

bool MountIdentity::stillAttached() const { return !unique || oldId(*unique) == id; }

std::optional<std::string> whyNotDetach(
    const MountTable& table, const MountIdentity& mount,
    const std::function<bool(const MountIdentity&)>& still_attached) {
  const MountEntry* top = table.atPath(mount.target);
  if (top == nullptr) return "nothing is mounted at " + mount.target + " any more";
  for (const auto& entry : table.entries()) {
    if (entry.parent_id != mount.id || entry.id == mount.id) continue;
    if (entry.target == mount.target) {
      return "another mount (" + printable(entry.fs_type) + ") covers it at " + mount.target;
    }
    return printable(entry.target) + " (" + printable(entry.fs_type) +
           ") is mounted within it and would go with it";
  }
  if (!mount.is(*top) || !still_attached(mount)) {
    return "another mount (" + printable(top->fs_type) + " of " + printable(top->source) +
           ") is at " + mount.target + " by now";
  }
  return std::nullopt;
}

}  // namespace efs::mounts
