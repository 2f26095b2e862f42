#include "efs/tls_tunnel/call_tracker.h"

#include <algorithm>
#include <string_view>

namespace efs::tls_tunnel {

// Calls `handle` with the prefix of each message, once per message: as soon as it is known, or when
// the message is whole. A message too short for a prefix is passed over.
template <CallTracker::At kAt, typename Handler>
void CallTracker::follow(Stream& stream, std::span<const std::byte> bytes, Handler handle) {
  std::string_view left(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  while (measuring_ && !left.empty()) {
    const auto step = stream.records.advance(left);
    if (!step) {
      // For good: where the next record would begin cannot be told any more.
      stream.lost = true;
      measuring_ = false;
      return;
    }
    if (step->payload && stream.prefix_bytes < stream.prefix.size()) {
      const std::size_t part = std::min(step->bytes, stream.prefix.size() - stream.prefix_bytes);
      std::copy_n(left.data(), part, stream.prefix.data() + stream.prefix_bytes);
      stream.prefix_bytes += part;
      // A call counts from here on: one whose data come slowly must not look like an idle
      // connection.
      if (kAt == At::kPrefix && stream.prefix_bytes == stream.prefix.size()) {
        if (const auto prefix = rpc::readPrefix({stream.prefix.data(), stream.prefix.size()}))
          handle(*prefix);
      }
    }
    if (step->record_ended) {
      // A reply that stands still in the middle is none yet.
      if (kAt == At::kEnd && stream.prefix_bytes == stream.prefix.size()) {
        if (const auto prefix = rpc::readPrefix({stream.prefix.data(), stream.prefix.size()}))
          handle(*prefix);
      }
      stream.prefix_bytes = 0;
    }
    left.remove_prefix(step->bytes);
  }
}

void CallTracker::fromClient(std::span<const std::byte> bytes) {
  follow<At::kPrefix>(up_, bytes, [this](const rpc::MessagePrefix& message) {
    if (message.direction == rpc::Direction::kCall) called(message);
  });
}

void CallTracker::fromServer(std::span<const std::byte> bytes) {
  follow<At::kEnd>(down_, bytes, [this](const rpc::MessagePrefix& message) {
    if (message.direction == rpc::Direction::kReply) {
      answered(message);
    } else {
      ++backchannel_calls_;
    }
  });
}

std::size_t CallTracker::find(std::uint32_t xid) const {
  const auto* end = xids_.data() + tracked_;
  return static_cast<std::size_t>(std::find(xids_.data(), end, xid) - xids_.data());
}

void CallTracker::called(const rpc::MessagePrefix& message) {
  ++calls_;
  // A call sent again is the same call: its first time stands.
  if (find(message.xid) != tracked_) return;
  if (tracked_ == kTracked) {
    if (untracked_++ == 0) untracked_since_ = now_;
    return;
  }
  xids_[tracked_] = message.xid;
  times_[tracked_] = now_;
  ++tracked_;
}

void CallTracker::answered(const rpc::MessagePrefix& message) {
  ++replies_;
  const std::size_t at = find(message.xid);
  if (at == tracked_) {
    // Of the calls beyond the table nothing but the number is known; any reply without an entry is
    // taken for one of theirs.
    if (untracked_ != 0) --untracked_;
    return;
  }
  const std::uint64_t took = now_ - times_[at];
  ++latency_[tunnel_control::latencyBucket(took)];
  latency_sum_ += took;
  // In order: the first entry is the oldest, which is asked with each publishing.
  const auto from = static_cast<std::ptrdiff_t>(at);
  const auto end = static_cast<std::ptrdiff_t>(tracked_);
  std::copy(xids_.begin() + from + 1, xids_.begin() + end, xids_.begin() + from);
  std::copy(times_.begin() + from + 1, times_.begin() + end, times_.begin() + from);
  --tracked_;
}

std::uint64_t CallTracker::oldestOfAll() const {
  if (tracked_ != 0) return times_[0];
  return untracked_ != 0 ? untracked_since_ : 0;
}

std::uint64_t CallTracker::oldest() const { return measuring_ ? oldestOfAll() : 0; }

std::uint64_t CallTracker::answeredByNoServer() const {
  return down_.lost && replies_ == 0 ? oldestOfAll() : 0;
}

}  // namespace efs::tls_tunnel
