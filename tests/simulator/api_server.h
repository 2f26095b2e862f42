// The AWS APIs (EFS, EC2, CloudWatch Logs) on one plain HTTP port: clients are pointed at it by
// AWS_ENDPOINT_URL. Every request must carry a genuine signature.
#pragma once

#include <memory>

#include "api_message.h"
#include "api_state.h"
#include "network.h"
#include "world.h"

namespace efs::simulator {

class ApiServer {
 public:
  // Null where the configuration has no `api`.
  static Result<std::unique_ptr<ApiServer>> start(World& world);
  ApiServer(const ApiServer&) = delete;
  ApiServer& operator=(const ApiServer&) = delete;
  ~ApiServer();

 private:
  ApiServer(World& world, std::unique_ptr<StopSignal> stop)
      : world_(world), stop_(std::move(stop)) {}
  void serve(const UniqueFd& connection);
  std::optional<ApiRequest> readRequest(const UniqueFd& connection);
  void reply(const UniqueFd& connection, const ApiRequest& request);

  World& world_;
  std::unique_ptr<StopSignal> stop_;
  ThreadCrew crew_;
  std::unique_ptr<Listener> listener_;
};

}  // namespace efs::simulator
