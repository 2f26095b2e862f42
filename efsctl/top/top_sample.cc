#include <algorithm>
#include <map>

#include "efs/efsctl/top.h"

namespace efs::efsctl {
namespace {

constexpr std::array<std::string_view, kNfsClasses> kNames = {"read",     "write", "open",
                                                              "metadata", "lock",  "session"};

// Names of fs/nfs/nfs4xdr.c; what is not here keeps the session alive (SEQUENCE, RENEW ...).
constexpr std::array<std::pair<std::string_view, NfsClass>, 47> kOperations = {{
    {"READ", NfsClass::kRead},
    {"READ_PLUS", NfsClass::kRead},
    {"COPY", NfsClass::kWrite},
    {"CLONE", NfsClass::kWrite},
    {"WRITE", NfsClass::kWrite},
    {"COMMIT", NfsClass::kWrite},
    {"ALLOCATE", NfsClass::kWrite},
    {"DEALLOCATE", NfsClass::kWrite},
    {"LAYOUTGET", NfsClass::kOpen},
    {"LAYOUTCOMMIT", NfsClass::kWrite},
    {"LAYOUTRETURN", NfsClass::kOpen},
    {"OPEN", NfsClass::kOpen},
    {"OPEN_CONFIRM", NfsClass::kOpen},
    {"OPEN_NOATTR", NfsClass::kOpen},
    {"OPEN_DOWNGRADE", NfsClass::kOpen},
    {"CLOSE", NfsClass::kOpen},
    {"DELEGRETURN", NfsClass::kOpen},
    {"ACCESS", NfsClass::kMetadata},
    {"GETATTR", NfsClass::kMetadata},
    {"SETATTR", NfsClass::kMetadata},
    {"LOOKUP", NfsClass::kMetadata},
    {"LOOKUP_ROOT", NfsClass::kMetadata},
    {"LOOKUPP", NfsClass::kMetadata},
    {"REMOVE", NfsClass::kMetadata},
    {"RENAME", NfsClass::kMetadata},
    {"LINK", NfsClass::kMetadata},
    {"SYMLINK", NfsClass::kMetadata},
    {"CREATE", NfsClass::kMetadata},
    {"PATHCONF", NfsClass::kMetadata},
    {"STATFS", NfsClass::kMetadata},
    {"READLINK", NfsClass::kMetadata},
    {"READDIR", NfsClass::kMetadata},
    {"SERVER_CAPS", NfsClass::kMetadata},
    {"FSINFO", NfsClass::kMetadata},
    {"FS_LOCATIONS", NfsClass::kMetadata},
    {"FSID_PRESENT", NfsClass::kMetadata},
    {"GETACL", NfsClass::kMetadata},
    {"SETACL", NfsClass::kMetadata},
    {"GETXATTR", NfsClass::kMetadata},
    {"SETXATTR", NfsClass::kMetadata},
    {"LISTXATTRS", NfsClass::kMetadata},
    {"REMOVEXATTR", NfsClass::kMetadata},
    {"SEEK", NfsClass::kMetadata},
    {"LOCK", NfsClass::kLock},
    {"LOCKT", NfsClass::kLock},
    {"LOCKU", NfsClass::kLock},
    {"RELEASE_LOCKOWNER", NfsClass::kLock},
}};

std::array<TopCounts, kNfsClasses> countsOf(const mounts::NfsStats& stats) {
  std::array<TopCounts, kNfsClasses> counts{};
  for (const auto& operation : stats.operations) {
    TopCounts& sum = counts.at(static_cast<std::size_t>(nfsClassOf(operation.name)));
    sum.calls += operation.calls;
    sum.sent += operation.sent;
    sum.bytes += operation.bytes_up + operation.bytes_down;
    sum.total_ms += operation.total_ms;
    sum.errors += operation.errors;
  }
  return counts;
}

}  // namespace

std::string_view nfsClassName(NfsClass kind) { return kNames.at(static_cast<std::size_t>(kind)); }

NfsClass nfsClassOf(std::string_view operation) {
  const auto* found = std::find_if(kOperations.begin(), kOperations.end(),
                                   [&](const auto& row) { return row.first == operation; });
  return found == kOperations.end() ? NfsClass::kSession : found->second;
}

TopSample topSample(const StatusFacts& facts, const StatusReport& report,
                    const std::vector<mounts::NfsStats>& stats) {
  std::map<std::string, const mounts::NfsStats*> by_target;
  for (const auto& one : stats) by_target[one.target] = &one;
  std::map<std::string, const SeenMount*> by_name;
  for (const auto& mount : facts.mounts) by_name[mount.name] = &mount;
  TopSample sample{.at = facts.now_monotonic, .mounts = {}};
  for (const auto& mount : report.mounts) {
    TopMount& top = sample.mounts.emplace_back();
    top.name = mount.name;
    top.mount_point = mount.mount_point;
    top.file_system = mount.file_system;
    top.state = conditionName(mount.condition);
    top.well = mount.problem.empty();
    if (const auto found = by_target.find(mount.mount_point); found != by_target.end()) {
      top.classes = countsOf(*found->second);
      if (found->second->transport) top.connects = found->second->transport->connects;
    }
    const SeenMount& seen = *by_name.at(mount.name);
    if (seen.counters) top.tunnel = seen.counters->numbers;
  }
  return sample;
}

}  // namespace efs::efsctl
