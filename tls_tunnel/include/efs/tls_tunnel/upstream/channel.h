// Channel: one of several connections to a mount target, as PooledRelay sees it: a Transport, what
// waits to be sent on it, what has come from it, and which calls are unanswered on it.
//
// A call belongs to a channel from its first byte on. Replies leave a channel as whole records
// only, so that a slow or dead one never holds what the others have to say. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "efs/base/error.h"
#include "efs/io/byte_ring.h"
#include "efs/io/transport.h"
#include "efs/rpc/message.h"
#include "efs/rpc/record.h"
#include "efs/tls_tunnel/upstream/call_route.h"

namespace efs::tls_tunnel {

class Channel {
 public:
  // The transport must outlive the channel.
  explicit Channel(io::Transport& transport);

  io::Transport& transport() { return transport_; }

  // ---- calls
  // A record may begin here: nothing waits, nothing is lost.
  bool takesRecords() const { return !lost() && !retired_ && up_.empty(); }
  void begin(const CallRoute& route, std::size_t bytes);
  // Bytes of the record that has begun here; how many were taken. What the transport does not take
  // waits; a record of legal size always has room.
  std::size_t write(std::span<const std::byte> bytes);
  // Sends what waits; true when some of it went.
  bool drain();
  bool blocked() const { return !up_.empty(); }
  void finishWriting();
  std::size_t unanswered() const { return calls_.size(); }
  // Of unanswered calls: their own bytes and those of the expected replies.
  std::uint64_t outstandingBytes() const { return outstanding_bytes_; }

  // ---- replies
  // Reads; true when something came.
  bool fill();
  // Bytes at the front that are whole records.
  std::size_t whole() const { return whole_; }
  std::span<const std::byte> readable() const;
  void consume(std::size_t bytes);
  std::uint64_t received() const { return received_; }

  // ---- the end
  // It ended or broke, or speaks no RPC: nothing more will come.
  bool lost() const { return ended_ || error_.has_value(); }
  bool ended() const { return ended_ && !error_; }
  const std::optional<Error>& error() const { return error_; }
  // No more records; it may go when nothing is unanswered.
  void retire() { retired_ = true; }
  bool retired() const { return retired_; }
  bool idle() const { return calls_.empty() && up_.empty() && down_.empty(); }

  // Before the calls of a turn; starved(): one of them lacked memory.
  void beginTurn() { starved_ = false; }
  bool starved() const { return starved_; }
  bool holdsMemory() const { return up_.holdsMemory() || down_.holdsMemory(); }
  void releaseMemory();

 private:
  struct Call {
    std::uint32_t xid = 0;
    std::uint64_t bytes = 0;
  };
  // Follows the records in what came.
  void follow(std::string_view bytes);
  void answered(std::uint32_t xid);

  io::Transport& transport_;
  io::ByteRing up_;
  io::ByteRing down_;
  rpc::RecordTracker records_;
  std::string prefix_;          // of the record that is coming
  std::size_t incomplete_ = 0;  // its bytes so far
  std::size_t whole_ = 0;
  std::vector<Call> calls_;
  std::uint64_t outstanding_bytes_ = 0;
  std::uint64_t received_ = 0;
  bool finished_ = false;
  bool retired_ = false;
  bool ended_ = false;
  bool write_broke_ = false;
  bool starved_ = false;
  std::optional<Error> error_;
};

}  // namespace efs::tls_tunnel
