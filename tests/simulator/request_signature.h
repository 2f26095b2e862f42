// The signature of an API request (Signature Version 4 in the Authorization header), verified anew
// and independently of the product's signer. As strict as AWS: scope, time, token, signed headers.
#pragma once

#include <optional>
#include <string>

#include "api_message.h"
#include "world.h"

namespace efs::simulator {

// Why the request is refused, with the code that AWS uses; nullopt: it is genuine.
struct SignatureRefusal {
  std::string code;  // "InvalidSignatureException" ...
  std::string message;
};
std::optional<SignatureRefusal> checkSignature(const ApiRequest& request, const World& world,
                                               const std::string& service);

}  // namespace efs::simulator
