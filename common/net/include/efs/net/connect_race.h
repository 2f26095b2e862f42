// Connecting to the first of several addresses that answers: "happy eyeballs", RFC 8305 section 5,
// for run-to-completion programs. A dead address, or a dead address family, costs one head start.
#pragma once

#include <optional>
#include <vector>

#include "efs/base/clock.h"
#include "efs/base/result.h"
#include "efs/base/unique_fd.h"
#include "efs/net/address.h"

namespace efs::net {

struct RaceTimes {
  Duration head_start{250};  // of an address before the next one, unless it fails earlier
  Duration patience{2000};   // with each address
};

struct RaceOutcome {
  struct Attempt {
    bool begun = false;
    Duration took{0};              // until it connected, failed, or the race ended
    std::optional<Error> failure;  // kTimeout: silent for its whole patience
  };
  std::vector<Attempt> attempts;  // one for each address, in their order
  std::optional<std::size_t> winner;
  UniqueFd fd;  // the winner's, non-blocking
};

// Tries the addresses in their order. An outcome without a winner tells why for each address; an
// error is only that the program shall stop (kCancelled) or cannot wait.
Result<RaceOutcome> raceConnect(const std::vector<Endpoint>& addresses, const Clock& clock,
                                const RaceTimes& times = {});

}  // namespace efs::net
