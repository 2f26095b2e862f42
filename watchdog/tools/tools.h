// Tools: everything by which the watchdog acts on the world and looks at it. Made once by the
// daemon (daemon/system_tools.h); a test or a simulation makes its own, and the whole Supervisor
// runs in one process without a kernel, a child or a clock.
//
// All of them are called from one thread, and none of them waits. Callbacks come from whoever turns
// the loop, never from within the call that set them up.
#pragma once

#include <functional>
#include <string>

#include "efs/base/clock.h"
#include "efs/base/result.h"
#include "efs/crypto/certificate.h"
#include "efs/state/state_files.h"
#include "tools/jobs.h"
#include "tools/kernel.h"
#include "tools/log.h"
#include "tools/processes.h"

namespace efs::watchdog {

class Chance {
 public:
  virtual ~Chance() = default;
  // [0, 1)
  virtual double next() = 0;
};

class Certificates {
 public:
  virtual ~Certificates() = default;
  // The end of validity of a PEM text; errors name `path`.
  virtual Result<WallTime> end(const std::string& pem, const std::string& path) = 0;
  virtual Result<crypto::CertificateFacts> facts(const std::string& pem,
                                                 const std::string& path) = 0;
};

// Reports changes in a mount's secret directory as Supervisor::stateChanged().
class DirectoryEvents {
 public:
  virtual ~DirectoryEvents() = default;
  // Adding it again changes nothing.
  virtual void watchBelow(const std::string& directory) = 0;
};

// Each outlives the Supervisor.
struct Tools {
  const Clock& clock;
  Chance& chance;
  Log& log;
  state::StateFiles& files;
  Kernel& kernel;
  Processes& processes;
  Ports& ports;
  ListenerStore& listeners;
  Jobs& jobs;
  Certificates& certificates;
  DirectoryEvents& events;
};

}  // namespace efs::watchdog
