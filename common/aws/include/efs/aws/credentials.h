// AWS credentials and where they came from, as a value. Who finds them: credential_chain.h.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "efs/aws/principal.h"
#include "efs/base/clock.h"
#include "efs/base/secret.h"

namespace efs::aws {

struct Credentials {
  std::string access_key_id;
  Secret secret_access_key;
  std::optional<Secret> session_token;
  // By this machine's clock, right or wrong.
  std::optional<WallTime> expiration;
  // Of the identity that signs, where the source tells it; for people. Empty where unknown.
  std::string arn = {};
  // What the source itself tells, beside the ARN; principalOf() has it all.
  Principal principal = {};
  // Contract CRED-10, what a renewal uses: "credentials:default", "metadata:" ...
  std::string method;
  // For people: "profile default of /root/.aws/credentials", "instance role web-server".
  std::string source;
  // How far AWS's clock is ahead of this machine's, where a signature was refused for it: what is
  // signed with these credentials is signed with AWS's time.
  std::chrono::seconds clock_skew{0};
};

// Who signs, as far as `credentials` tell.
Principal principalOf(const Credentials& credentials);

}  // namespace efs::aws
