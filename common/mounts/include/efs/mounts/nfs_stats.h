// The NFS client's own counters of each mount (/proc/self/mountstats; kernel fs/nfs/super.c,
// net/sunrpc/stats.c and xprtsock.c). Reading them asks no server and waits for no mount.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "efs/base/result.h"

namespace efs::mounts {

struct NfsTransport {
  std::uint64_t connects = 0;
  std::uint64_t sends = 0;     // transmissions: replays count again
  std::uint64_t receives = 0;  // replies
};

// One procedure, since the mount.
struct NfsOperation {
  std::string name;            // "READ"
  std::uint64_t calls = 0;     // requests
  std::uint64_t sent = 0;      // transmissions: more than calls where some were sent again
  std::uint64_t timeouts = 0;  // major ones
  std::uint64_t bytes_up = 0;  // with RPC headers
  std::uint64_t bytes_down = 0;
  std::uint64_t queue_ms = 0;  // waiting to be sent
  std::uint64_t round_ms = 0;  // from the last transmission to the reply
  std::uint64_t total_ms = 0;  // from the request to its end
  std::uint64_t errors = 0;    // NFS status other than 0; kernels before 5.3 do not tell
};

struct NfsStats {
  std::string source;  // "127.0.0.1:/", octal escapes decoded
  std::string target;
  std::optional<int> port;                // option port, 2049 without one; nullopt: no port
  std::optional<NfsTransport> transport;  // all TCP transports together (nconnect)
  std::vector<NfsOperation> operations;   // without those that were never called
};

enum class NfsDetail { kTransports, kOperations };
// NFS mounts in the order of the kernel's table; a superblock that is mounted twice is there twice.
// Lines that are not understood are left out.
std::vector<NfsStats> parseNfsStats(std::string_view mountstats, NfsDetail detail);
Result<std::vector<NfsStats>> readNfsStats(const std::string& path, NfsDetail detail);

}  // namespace efs::mounts
