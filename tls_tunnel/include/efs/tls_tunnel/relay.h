// Relay: moves bytes between a client and its upstream, both ways, through bounded buffers. Pure:
// it knows neither sockets nor time, only two Transports, and is driven by pump().
//
// Flow control: when a buffer is full its source is not read any more, so the source's TCP window
// closes; reading goes on when the buffer has drained to half.
// Half-close: the client's end is passed on and the other direction goes on. The upstream's end is
// the end of the connection once all it sent is delivered (TUN-9: the kernel must reconnect).
#pragma once

#include <cstdint>
#include <optional>

#include "efs/io/byte_ring.h"
#include "efs/io/transport.h"
#include "efs/tls_tunnel/call_tracker.h"
#include "efs/tls_tunnel/limits.h"

namespace efs::tls_tunnel {

// What a session drives: bytes of one client both ways, whatever carries them upstream.
class ByteMover {
 public:
  enum class Outcome {
    kWaiting,         // for an event of either descriptor
    kMore,            // did its share of one turn; call again soon
    kStarved,         // for memory: no event will tell, call again later
    kFinished,        // both sides ended in good order
    kUpstreamClosed,  // the upstream ended first; all it sent is delivered
    kClientFailed,    // client.error() tells why
    kUpstreamFailed,  // upstream.error() tells why
    kCallsLost,       // one of several upstreams ended, and calls with it
  };

  virtual ~ByteMover() = default;
  virtual Outcome pump() = 0;
  virtual std::uint64_t bytesUp() const = 0;    // taken from the client
  virtual std::uint64_t bytesDown() const = 0;  // taken from upstream
  // One side has ended; what is left is the other direction, or bytes not yet delivered.
  virtual bool halfClosed() const = 0;
  virtual bool clientEnded() const = 0;
  // Bytes wait for the client, which does not take them.
  virtual bool clientBlocks() const = 0;
  // Bytes wait for the server, which does not take them.
  virtual bool serverBlocks() const = 0;
  virtual bool holdsMemory() const = 0;
  virtual void releaseMemory() = 0;
};

class Relay final : public ByteMover {
 public:
  // All must outlive the relay. `calls` sees the bytes of both directions; may be null.
  Relay(io::Transport& client, io::Transport& upstream, const Limits& limits,
        CallTracker* calls = nullptr);

  Outcome pump() override;
  std::uint64_t bytesUp() const override { return up_.moved; }
  std::uint64_t bytesDown() const override { return down_.moved; }
  bool halfClosed() const override {
    return up_.source_ended || down_.source_ended || down_.source_failed;
  }
  bool clientEnded() const override { return up_.source_ended; }
  bool clientBlocks() const override { return !down_.ring.empty(); }
  bool serverBlocks() const override { return !up_.ring.empty(); }
  bool holdsMemory() const override { return up_.ring.holdsMemory() || down_.ring.holdsMemory(); }
  void releaseMemory() override;

 private:
  struct Flow {
    io::Transport& source;
    io::Transport& sink;
    io::ByteRing ring;
    std::size_t resume_at;
    bool paused = false;
    bool source_ended = false;
    bool source_failed = false;
    bool sink_finished = false;
    bool starved = false;  // in this step
    std::uint64_t moved = 0;
  };
  enum class Step { kProgress, kIdle, kSourceFailed, kSinkFailed };

  Step fill(Flow& flow);
  static Step drain(Flow& flow);
  // Both steps, the client's end passed on where `pass_end`.
  Step move(Flow& flow, bool pass_end);

  CallTracker* calls_;
  Flow up_;
  Flow down_;
  std::size_t bytes_per_turn_;
};

}  // namespace efs::tls_tunnel
