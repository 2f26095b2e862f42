// The control socket: one command line in, one reply line out ("ok ..." or "error ..."). The list
// of commands is in README.md of this folder.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "ganesha.h"
#include "mount_target.h"
#include "network.h"
#include "world.h"

namespace efs::simulator {

using Targets = std::vector<std::unique_ptr<MountTarget>>;

class ControlServer {
 public:
  static Result<std::unique_ptr<ControlServer>> start(World& world, Targets& targets,
                                                      const GaneshaPool& servers);
  ControlServer(const ControlServer&) = delete;
  ControlServer& operator=(const ControlServer&) = delete;
  ~ControlServer();

  // Carries out one command line; public for tests.
  std::string execute(const std::string& line);

 private:
  using Words = std::vector<std::string>;
  ControlServer(World& world, Targets& targets, const GaneshaPool& servers,
                std::unique_ptr<StopSignal> stop)
      : world_(world), targets_(targets), servers_(servers), stop_(std::move(stop)) {}
  void serve(UniqueFd connection);
  Result<std::string> dispatch(const Words& words);
  Result<std::string> target(const Words& words);
  Result<std::string> dns(const Words& words);
  Result<std::string> imds(const Words& words);
  Result<std::string> credentials(const Words& words);
  Result<std::string> certificate(const Words& words);
  Result<std::string> policy(const Words& words);
  Result<std::string> clock(const Words& words);
  std::string stats() const;
  std::string connections() const;

  World& world_;
  Targets& targets_;
  const GaneshaPool& servers_;
  std::unique_ptr<StopSignal> stop_;
  std::mutex execute_mutex_;  // commands are carried out one after the other
  ThreadCrew crew_;
  std::unique_ptr<Listener> listener_;
};

// The client side: sends `command`, returns the reply line without its newline.
Result<std::string> sendCommand(const std::string& socket_path, const std::string& command);

}  // namespace efs::simulator
