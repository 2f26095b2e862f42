// Passes bytes between one client and its NFS server until both directions have ended, one of them
// breaks, or somebody orders the end.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>

#include "network.h"
#include "nfs_denial.h"
#include "partition.h"
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
  Binding binding;                          // guarded by the owner's mutex, as are these
  std::uint64_t calls = 0;                  // that any connection of the partition may carry
  std::uint64_t first_only = 0;
};

// The misbehaviour of the mount target, read at every turn.
struct RelayMood {
  std::function<bool()> blackhole;
  std::function<int()> delay_ms;
  std::function<int()> bytes_per_sec;  // of one connection, both ways together; 0: no limit
};

// What becomes of the bytes of one connection: what the server gets of the client's, and the client
// of the server's.
class Conversation {
 public:
  // `partition`: none where the private program is not served.
  Conversation(DenialFilter& denial, PartitionFilter* partition)
      : denial_(denial), partition_(partition) {}
  // Both append; false: the connection has to end.
  bool fromClient(std::string_view bytes, std::string& to_server, std::string& to_client);
  bool fromServer(std::string_view bytes, std::string& to_client);

 private:
  DenialFilter& denial_;
  PartitionFilter* partition_;
};

// Why a relay ended, for the log.
enum class RelayEnd { kBothClosed, kBroken, kReset, kIdle, kStopped };

RelayEnd relay(Stream& client, Stream& server, LiveConnection& live, Conversation& talk,
               const RelayMood& mood);

}  // namespace efs::simulator
