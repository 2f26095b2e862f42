// Passes bytes between one client and its NFS server until both directions have ended, one of them
// breaks, or somebody orders the end.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>

#include "network.h"
#include "nfs_denial.h"
#include "stream.h"

namespace efs::simulator {

enum class Order { kNone, kReset, kCloseWhenIdle };

// The face of one connection towards its mount target: orders come in, counters go out.
struct LiveConnection {
  std::uint64_t id = 0;
  std::string peer;
  std::string access_point_id;       // guarded by the owner's mutex
  bool tls = false;                  // guarded by the owner's mutex
  std::unique_ptr<StopSignal> wake;  // raised for ever at the simulator's end
  UniqueFd poke;                     // eventfd: look at orders and the target's mode again
  std::atomic<Order> order{Order::kNone};
  std::atomic<std::uint64_t> bytes_in{0};   // from the client
  std::atomic<std::uint64_t> bytes_out{0};  // to the client
};

// The misbehaviour of the mount target, read at every turn.
struct RelayMood {
  std::function<bool()> blackhole;
  std::function<int()> delay_ms;
};

// Why a relay ended, for the log.
enum class RelayEnd { kBothClosed, kBroken, kReset, kIdle, kStopped };

RelayEnd relay(Stream& client, Stream& server, LiveConnection& live, DenialFilter& filter,
               const RelayMood& mood);

}  // namespace efs::simulator
