// AWS's own names over https: "sts.us-east-1.amazonaws.com" and its like, at one address, with a
// certificate of the simulator's CA. What arrives is passed on to the port of the credentials or of
// the APIs, by the name that the request is for.
#pragma once

#include <memory>
#include <string_view>

#include "network.h"
#include "server_identity.h"
#include "stream.h"
#include "world.h"

namespace efs::simulator {

class NamedEndpoints {
 public:
  // Null where the configuration has no "names".
  static Result<std::unique_ptr<NamedEndpoints>> start(const World& world,
                                                       const ServerIdentity& identity);
  NamedEndpoints(const NamedEndpoints&) = delete;
  NamedEndpoints& operator=(const NamedEndpoints&) = delete;
  ~NamedEndpoints();

 private:
  NamedEndpoints(const World& world, const ServerIdentity& identity,
                 std::unique_ptr<StopSignal> stop)
      : world_(world), identity_(identity), stop_(std::move(stop)) {}
  void serve(UniqueFd connection);
  Result<Stream> connectFor(std::string_view head) const;

  const World& world_;
  const ServerIdentity& identity_;
  std::unique_ptr<StopSignal> stop_;
  ThreadCrew crew_;
  std::unique_ptr<Listener> listener_;
};

}  // namespace efs::simulator
