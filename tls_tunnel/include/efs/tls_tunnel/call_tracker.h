// CallTracker: which RPC calls of a connection are still unanswered. It sees the bytes of both
// directions pass, follows the record marks (RFC 5531 section 11) and keeps nothing of them but
// transaction ids. Pure, allocates nothing.
//
// Calls and replies go both ways: the server calls back over the same connection (RFC 8881 section
// 2.10.3.1), so the direction in the header decides, not the side a message comes from.
//
// A call counts from its first bytes, because a server that stops reading in the middle of a large
// WRITE is a server that does not answer; a reply counts when it is whole.
//
// A record the tracker cannot follow (contract TUN-13: a fragment above 1 MiB + 4 KiB, which no
// kernel sends, or bytes that are no RPC) ends the measuring of this connection and nothing else:
// the bytes go on.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "efs/rpc/message.h"
#include "efs/rpc/record.h"
#include "efs/tunnel_control/tunnel_counters.h"

namespace efs::tls_tunnel {

class CallTracker {
 public:
  // Calls kept by id. NFSv4.1 sessions have 64 slots by default and 1024 at most; calls beyond are
  // only counted.
  static constexpr std::size_t kTracked = 1024;

  // For the calls of the bytes that follow; any unit, 0 is reserved.
  void setNow(std::uint64_t now) { now_ = now; }
  std::uint64_t now() const { return now_; }
  void fromClient(std::span<const std::byte> bytes);
  void fromServer(std::span<const std::byte> bytes);

  std::uint64_t calls() const { return calls_; }
  std::uint64_t replies() const { return replies_; }
  std::uint64_t backchannelCalls() const { return backchannel_calls_; }
  std::size_t outstanding() const { return measuring_ ? tracked_ + untracked_ : 0; }
  // Time of the oldest unanswered call; 0 when there is none.
  std::uint64_t oldest() const;
  // How long the replies took that have come, if `now` is in milliseconds.
  const tunnel_control::LatencyCounts& latency() const { return latency_; }
  std::uint64_t latencySum() const { return latency_sum_; }
  bool measuring() const { return measuring_; }
  // Whoever is there is no NFS server: what it says is no RPC, and it never answered a call. Since
  // when the oldest of them waits; 0 where that is not so.
  std::uint64_t answeredByNoServer() const;

 private:
  // One direction's stream, cut into messages.
  struct Stream {
    rpc::RecordTracker records;
    std::array<char, 8> prefix{};  // the message's first two words
    std::size_t prefix_bytes = 0;
    bool lost = false;  // no records
  };
  enum class At { kPrefix, kEnd };
  template <At kAt, typename Handler>
  void follow(Stream& stream, std::span<const std::byte> bytes, Handler handle);
  void called(const rpc::MessagePrefix& message);
  void answered(const rpc::MessagePrefix& message);
  std::uint64_t oldestOfAll() const;
  std::size_t find(std::uint32_t xid) const;

  Stream up_;
  Stream down_;
  std::uint64_t now_ = 1;
  std::uint64_t calls_ = 0;
  std::uint64_t replies_ = 0;
  std::uint64_t backchannel_calls_ = 0;
  tunnel_control::LatencyCounts latency_{};
  std::uint64_t latency_sum_ = 0;
  // In the order they came in, so the oldest is the first. Not cleared at the start: an idle
  // connection touches none of it.
  std::size_t tracked_ = 0;
  std::array<std::uint32_t, kTracked> xids_;
  std::array<std::uint64_t, kTracked> times_;
  // Beyond the table: how many, and since when there are such.
  std::size_t untracked_ = 0;
  std::uint64_t untracked_since_ = 0;
  bool measuring_ = true;
};

}  // namespace efs::tls_tunnel
