// ImdsPatience: how long the instance metadata service is waited for (imds.h).
#pragma once

#include "efs/base/clock.h"

namespace efs::aws {

// How long the service is waited for. The defaults are those of a mount.
struct ImdsPatience {
  Duration token_timeout{500};
  int token_tries = 3;
  Duration token_pause{500};  // between two tries
  Duration request_timeout{1000};

  static constexpr ImdsPatience watchdog() {
    return {.token_timeout = Duration(50), .token_tries = 1};
  }
};

}  // namespace efs::aws
