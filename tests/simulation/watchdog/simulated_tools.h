// SimulatedTools: the tools of one life of the watchdog, each a window into the world.
#pragma once

#include <memory>

#include "gated_files.h"
#include "simulated_jobs.h"
#include "simulated_kernel.h"
#include "simulated_processes.h"
#include "tools/tools.h"

namespace efs::watchdog::simulation {

struct World;

class SimulatedTools final : public Chance,
                             public Log,
                             public Certificates,
                             public DirectoryEvents {
 public:
  explicit SimulatedTools(World& world);

  Tools all();
  state::StateFiles& files() { return files_; }
  ListenerPtr listenerOf(SocketPtr socket) { return processes_.listenerOf(std::move(socket)); }

  double next() override;
  bool enabled(log::Level level) const override { return level >= log::Level::kInfo; }
  void write(log::Level level, std::string_view line) override;
  Result<WallTime> end(const std::string& pem, const std::string& path) override;
  Result<crypto::CertificateFacts> facts(const std::string& pem, const std::string& path) override;
  void watchBelow(const std::string& /*directory*/) override {}  // all of it is watched

 private:
  World& world_;
  GatedFiles files_;
  SimulatedKernel kernel_;
  SimulatedProcesses processes_;
  SimulatedJobs jobs_;
};

}  // namespace efs::watchdog::simulation
