// TunnelCounters: how a tunnel is doing, in a page of shared memory that the watchdog and efsctl
// read without asking, waking or waiting for the tunnel, also when it is stuck or stopped.
//
// The page is a file of 4 KiB, mode 0600, beside the tunnel's configuration:
//   <dir>/stunnel-config.<mount name>  ->  <dir>/tunnel-counters.<mount name>
// Like every name that ends in .<port> it reserves the port (NFS-9). Each tunnel makes a new file,
// so open it anew when the tunnel was replaced. The tunnel takes it away when it ends in good
// order, StateStore::removeMount() does otherwise.
//
// Times are milliseconds of CLOCK_MONOTONIC (the steady_clock of both sides), 0 = never.
#pragma once

#include <sys/types.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "efs/base/clock.h"
#include "efs/base/result.h"

namespace efs::tunnel_control {

inline constexpr std::size_t kCountersSize = 4096;
inline constexpr std::uint64_t kCountersVersion = 1;

// Of the whole tunnel: of its connections the one that is furthest.
enum class UpstreamState : std::uint64_t {
  kIdle,        // no client has said anything, so there is no upstream
  kConnecting,  // resolving, connecting, or waiting for the next attempt
  kSecuring,    // TLS handshake
  kConnected,   // relaying
};
std::string_view upstreamStateName(UpstreamState state);

// How long answers took, from a call's first byte to the reply's last: how many took less than
// 1, 2, 4 ... 4096 ms, and in the last one how many took longer. Whole milliseconds: what took less
// than one counts as 0.
inline constexpr std::size_t kLatencyBuckets = 14;
using LatencyCounts = std::array<std::uint64_t, kLatencyBuckets>;
constexpr std::size_t latencyBucket(std::uint64_t ms) {
  return std::min<std::size_t>(static_cast<std::size_t>(std::bit_width(ms)), kLatencyBuckets - 1);
}

// What changes all the time. Only std::uint64_t: it goes word by word into the page.
struct TunnelNumbers {
  std::uint64_t upstream_state = 0;      // UpstreamState
  std::uint64_t connections_open = 0;    // clients now
  std::uint64_t connections_total = 0;   // clients that said something, ever
  std::uint64_t strangers_refused = 0;   // connections of users that may not connect
  std::uint64_t bytes_up = 0;            // taken from clients
  std::uint64_t bytes_down = 0;          // taken from servers
  std::uint64_t calls = 0;               // RPC calls from clients
  std::uint64_t replies = 0;             // RPC replies from servers, whole
  std::uint64_t backchannel_calls = 0;   // RPC calls from servers
  std::uint64_t outstanding = 0;         // calls without a reply, on connections that are open
  std::uint64_t last_client_byte = 0;    // time
  std::uint64_t last_upstream_byte = 0;  // time
  // When the oldest call without a reply came in; 0 = none.
  std::uint64_t oldest_call = 0;
  // Since when a connection with calls outstanding has had no byte from its server: the later of
  // its oldest call and its last byte from the server; of several connections the one that has
  // waited longest. 0 = none waits. A slow but progressing server keeps this young.
  std::uint64_t silent_since = 0;
  // Since when no server could be reached, from the first failed attempt until a server's first
  // byte; 0 = the last attempt succeeded, or there was none.
  std::uint64_t unreachable_since = 0;
  std::uint64_t attempts_failed = 0;  // since then
  std::uint64_t reconnects = 0;       // connections to the server after the first one
  std::uint64_t unmeasured = 0;       // open connections whose RPC records cannot be followed

  // From here on zero in the pages of older tunnels, which `remembers` tells. The watchdog's own
  // questions (rpc::kQuestionXid) are in no number of what waits, so that asking keeps no wait
  // alive.
  std::uint64_t remembers = 0;  // 1
  std::uint64_t clients = 0;    // of connections_open: not the watchdog's
  std::uint64_t pending = 0;    // of these: without an upstream yet (connecting, TLS)
  // Connections that ended while they waited and whose client has not come back for its answer.
  std::uint64_t absent = 0;
  // Since when somebody has waited while the server sent nothing for it. As silent_since, but also
  // before the upstream is there, and over resets: a connection that comes in place of one that
  // ended without an answer has waited since that one began to. 0 = nobody waits.
  std::uint64_t waiting_since = 0;
  std::uint64_t questions = 0;       // connections of the watchdog's questions, ever
  std::uint64_t question_bytes = 0;  // of bytes_down: answers to them
  std::uint64_t unread =
      0;  // connections whose bytes are left unread until their upstream is there
  // Of the kernel's calls alone; all zero in the pages of older tunnels.
  LatencyCounts latency{};
  std::uint64_t latency_ms = 0;  // of all of them together
};

// What changes with connections and certificates. Texts are cut to their room in the page.
struct TunnelFacts {
  pid_t pid = 0;
  std::uint64_t started = 0;         // time
  std::string upstream;              // "10.0.0.5:2049", of the newest connection, maybe of a
                                     // tunnel that was killed; 47 bytes
  std::string tls;                   // protocol and cipher; empty = plain; 95 bytes
  std::int64_t connect_ms = 0;       // of the newest connection: name and TCP ...
  std::int64_t handshake_ms = 0;     // ... then TLS ...
  std::int64_t first_byte_ms = 0;    // ... then until the server's first byte
  std::int64_t certificate_end = 0;  // notAfter, seconds since 1970; 0 = no certificate
  std::string error;                 // the last failure; 511 bytes
  std::uint64_t error_time = 0;      // time
};

struct TunnelCounters {
  TunnelNumbers numbers;
  TunnelFacts facts;
  // False when the tunnel was caught, or killed, in the middle of an update: each number is right,
  // but they may not fit each other, and texts may be mixed.
  bool consistent = true;

  UpstreamState upstreamState() const;
};

// How long ago a time of the page was; zero for 0 and for times to come.
Duration countersAge(std::uint64_t time, MonoTime now);
std::uint64_t countersTime(MonoTime time);

// Where a tunnel with this configuration file has its page.
std::string countersPath(const std::string& config_path);

using CountersWords = std::array<std::uint64_t, kCountersSize / sizeof(std::uint64_t)>;
// A copy of a page. The tunnel may be broken or hostile: anything but magic and version may hold
// anything; texts come out printable and bounded, states in range. kUnsupported: another version.
Result<TunnelCounters> decodeCounters(const CountersWords& page);

// The mapped page; moves, does not copy.
class CountersMapping {
 public:
  CountersMapping() = default;
  explicit CountersMapping(void* memory) : memory_(memory) {}
  CountersMapping(CountersMapping&& other) noexcept
      : memory_(std::exchange(other.memory_, nullptr)) {}
  CountersMapping& operator=(CountersMapping&& other) noexcept;
  ~CountersMapping();
  bool valid() const { return memory_ != nullptr; }
  std::atomic<std::uint64_t>& word(std::size_t index) const {
    return static_cast<std::atomic<std::uint64_t>*>(memory_)[index];
  }

 private:
  void* memory_ = nullptr;
};

// The tunnel's side. Publishing is some thirty plain stores and no system call.
class CountersWriter {
 public:
  // Writes nowhere.
  CountersWriter() = default;
  // A fresh file in the place of any other. The disk space is taken now: a full disk is an error
  // here and no SIGBUS later.
  static Result<CountersWriter> create(const std::string& path);

  void publish(const TunnelNumbers& numbers);
  void publish(const TunnelFacts& facts);
  // Takes the file away unless another tunnel has put its own there.
  void remove();

 private:
  template <typename Words>
  void store(std::size_t first, const Words& words);

  CountersMapping page_;
  std::string path_;
  ino_t inode_ = 0;
};

// The reader's side. Mapped once; read() is no system call and never waits.
class CountersReader {
 public:
  // kNotFound: no such tunnel, or one without counters. Only a regular file of our own user, with
  // the right size, is taken.
  static Result<CountersReader> open(const std::string& path);
  Result<TunnelCounters> read() const;

 private:
  explicit CountersReader(CountersMapping page) : page_(std::move(page)) {}
  CountersMapping page_;
};

}  // namespace efs::tunnel_control
