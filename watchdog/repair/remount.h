// Remount: a fresh NFS mount in the place of one that is dead or hung, by the method that works on
// a hung client: a new port and a new client identifier, so
// that the kernel shares nothing with the old mount.
//
// The new mount is a descriptor until it is put in place (tools/remount_calls.h): whenever
// one of the processes here is killed before that, nothing is left. On kernels without these calls
// it is made at a staging path first.
#pragma once

#include <string>

#include "efs/base/clock.h"
#include "efs/base/result.h"
#include "efs/mounts/client_identifier.h"
#include "efs/mounts/mount_identity.h"
#include "efs/mounts/mount_table.h"
#include "efs/state/state_files.h"
#include "tools/remount_calls.h"
#include "tools/remount_plan.h"

namespace efs::watchdog {

// Each step has its time; together they are shorter than the job's (child_job.h), whose end is not
// seen coming.
inline constexpr Duration kIdentifierPatience{65000};
inline constexpr unsigned kMountSeconds = 40;
inline constexpr unsigned kCheckSeconds = 15;
inline constexpr Duration kPlacePatience{5000};
inline constexpr unsigned kRemountDeadlineSeconds = 130;
static_assert(kIdentifierPatience + Duration(1000 * (kMountSeconds + kCheckSeconds)) +
                      kPlacePatience <
                  Duration(1000 * kRemountDeadlineSeconds),
              "the job's alarm would end a remount whose steps are all in time");
static_assert(kIdentifierPatience > mounts::kIdentifierHold,
              "a mount that hangs would make a remount fail");
static_assert(Duration(1000 * (kMountSeconds + kCheckSeconds)) + kPlacePatience <=
                  mounts::kIdentifierHold,
              "a remount would keep the identifier's lock longer than others wait for it");

// From what the kernel shows of the old mount. kUnsupported: it is a bind mount of a directory.
Result<RemountPlan> planRemount(const mounts::MountEntry& entry,
                                const mounts::MountIdentity& identity);

// By what a remount acts; all outlive it.
struct RemountTools {
  RemountCalls& calls;
  state::StateFiles& files;
  const Clock& clock;
};

// Until the new mount is there, its tunnel is its own and its root has answered, the old one stays
// where it is. Then the old one is detached (what is open on it stays on it) and the new one takes
// its place; a mount that is not the old one is never touched. The answer is for people:
// kNeverBare, or empty. The body of a job.
inline constexpr const char* kNeverBare = ", without a moment in which nothing was mounted there";
Result<std::string> remountInChild(const RemountPlan& plan, const RemountTools& tools);
// Its last step: nothing ends this process from then on but its own end.
Result<std::string> putInPlace(const RemountPlan& plan, NewMount& mount, const RemountTools& tools);

// Where mounts made by mount(2) stand before they are moved: no clean-up of a mount's files walks
// there, and what is mounted there is no mount of an application. As the mount table shows it:
// /var/run is a link.
std::string stagingFolder(state::StateFiles& files, const std::string& state_directory);
// Detaches and removes everything there, or only `path`; the body of a job. No path is walked into.
Result<std::string> clearStaging(const std::string& folder, const RemountTools& tools);
Result<std::string> clearStagingPath(const std::string& path, const RemountTools& tools);

}  // namespace efs::watchdog
