// The Authorization header of a request to STS, checked anew and independently of the product's
// signer, as strictly as AWS does.
#pragma once

#include <optional>
#include <string>

#include "credential_endpoints.h"
#include "world.h"

namespace efs::simulator {

// How AWS says no.
struct StsRefusal {
  int status = 403;
  std::string code;
  std::string message;
};

// nullopt when the request is signed by a known identity, in time, over everything it must cover.
std::optional<StsRefusal> refuseSignature(const EndpointRequest& request, const World& world);

}  // namespace efs::simulator
