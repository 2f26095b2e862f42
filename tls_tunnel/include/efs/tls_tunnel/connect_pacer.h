// ConnectPacer: when the next attempt to reach the server may begin.
//
// At once, unless the last one failed: then after 50 ms, doubling up to 5 s, each pause cut by a
// random part. So one tunnel is back without a pause, and a thousand tunnels whose mount target is
// gone neither hammer it nor come back in step. A connection that served the kernel and then broke
// is no failure: the kernel reconnects and the attempt begins at once.
#pragma once

#include <cstdint>
#include <random>

#include "efs/base/clock.h"
#include "efs/tls_tunnel/limits.h"

namespace efs::tls_tunnel {

class ConnectPacer {
 public:
  // `seed` must differ from tunnel to tunnel.
  ConnectPacer(const Limits& limits, std::uint32_t seed) : limits_(limits), random_(seed) {}

  // Zero or how long to wait.
  Duration delay(MonoTime now) const;
  // Further failures during the pause that one has caused do not count.
  void failed(MonoTime now);
  // The server has answered, or somebody asked for an attempt at once.
  void reset() { failures_ = 0; }
  std::uint64_t failures() const { return failures_; }

 private:
  const Limits& limits_;
  std::minstd_rand random_;
  std::uint64_t failures_ = 0;
  MonoTime not_before_;
};

}  // namespace efs::tls_tunnel
