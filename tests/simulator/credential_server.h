// One HTTP port for all endpoints of credential_endpoints.h, told apart by their paths. Misbehaves
// as a whole or endpoint by endpoint on command.
#pragma once

#include <memory>
#include <string>

#include "credential_endpoints.h"
#include "network.h"
#include "world.h"

namespace efs::simulator {

class CredentialServer {
 public:
  // Null when the configuration has no "credentials".
  static Result<std::unique_ptr<CredentialServer>> start(const World& world);
  CredentialServer(const CredentialServer&) = delete;
  CredentialServer& operator=(const CredentialServer&) = delete;
  ~CredentialServer();

 private:
  CredentialServer(const World& world, std::unique_ptr<StopSignal> stop)
      : world_(world), stop_(std::move(stop)) {}
  void serve(const UniqueFd& connection);
  // Empty when the client must wait for ever.
  std::string answer(const EndpointRequest& request);

  const World& world_;
  std::unique_ptr<StopSignal> stop_;
  ThreadCrew crew_;
  std::unique_ptr<Listener> listener_;
};

}  // namespace efs::simulator
