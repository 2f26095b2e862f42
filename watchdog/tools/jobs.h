// Jobs: work that may wait for a network, a server or a file system, done by a child with a
// deadline. What is to be done is a typed request, so that whoever carries it out, a child or a
// simulation, knows what it is.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <string>
#include <variant>
#include <vector>

#include "efs/base/result.h"
#include "efs/state/mount_state.h"
#include "tools/remount_plan.h"
#include "tools/renewal_request.h"

namespace efs::watchdog {

// A NULL call on an own connection through the tunnel. Answer: empty.
struct ProbeTunnel {
  int port = 0;
};
// The root of a mount, past all caches. Answer: for judgeRoot().
struct AskRoot {
  std::string mountpoint;
};
// Does a server accept connections at any address of `host`? Answer: the address.
struct AskTarget {
  std::string host;
  int port = 0;
};
// The first address of `names` that accepts connections and is none of `current`'s.
struct FindTarget {
  std::vector<std::string> names;
  std::string current;
  int port = 0;
};
// Where the NFS client of a superblock lives (network_search.h). Answer: a path.
struct FindNetwork {
  dev_t device = 0;
};
// Whose reader waits for the memory lock of a stuck process. Answer: for decodeCommandLine().
struct AskCommandLine {
  pid_t pid = 0;
};
// Everything of a mount goes (StateStore::removeMount). Answer: empty.
struct RemoveFiles {
  std::string directory;  // the state directory
  std::string name;
  state::MountState state;
};
// What killed remounts left (remount.h): a whole folder, or one mount in it. Answer: empty.
struct ClearStaging {
  std::string folder;
};
struct ClearStagingPath {
  std::string path;
};

using JobRequest =
    std::variant<RenewalRequest, ProbeTunnel, AskRoot, AskTarget, FindTarget, AskCommandLine,
                 RemoveFiles, RemountPlan, ClearStaging, ClearStagingPath, FindNetwork>;

// After so many seconds the kernel ends the child, wherever it waits; one that waits in the kernel
// for what cannot be interrupted goes on.
unsigned deadlineSeconds(const JobRequest& request);

using JobId = std::uint64_t;
using JobDone = std::function<void(const Result<std::string>& answer)>;

class Jobs {
 public:
  virtual ~Jobs() = default;
  // `done` runs once, from the loop and never within start(): with the answer, kTimeout after the
  // deadline, kInternal when the child died. It may start and abandon jobs. An error here: no child
  // could be made, and `done` never runs.
  virtual Result<JobId> start(JobRequest request, JobDone done) = 0;
  // Ends it without waiting; `done` never runs. Unknown ids are no error.
  virtual void abandon(JobId id) = 0;
};

}  // namespace efs::watchdog
