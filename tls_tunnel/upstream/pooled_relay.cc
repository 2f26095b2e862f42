#include "efs/tls_tunnel/upstream/pooled_relay.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "efs/rpc/xdr.h"

namespace efs::tls_tunnel {

using io::IoState;

std::optional<std::size_t> chooseChannel(std::span<const ChannelLoad> loads) {
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < loads.size(); ++i) {
    if (!loads[i].takes_records) continue;
    if (!best || loads[i].outstanding_bytes < loads[*best].outstanding_bytes) best = i;
  }
  return best;
}

PooledRelay::PooledRelay(io::Transport& client, io::Transport& first, const Limits& limits,
                         CallTracker* calls)
    : client_(client),
      calls_(calls),
      ring_(limits.buffer),
      resume_at_(limits.buffer_resume),
      bytes_per_turn_(limits.bytes_per_turn) {
  channels_.push_back({nullptr, std::make_unique<Channel>(first)});
}

void PooledRelay::add(std::unique_ptr<io::Transport> transport) {
  auto channel = std::make_unique<Channel>(*transport);
  channels_.push_back({std::move(transport), std::move(channel)});
}

void PooledRelay::retireOthers() {
  for (std::size_t i = 1; i < channels_.size(); ++i) channels_[i].channel->retire();
}

std::uint64_t PooledRelay::bytesDown() const {
  std::uint64_t sum = left_bytes_down_;
  for (const Member& member : channels_) sum += member.channel->received();
  return sum;
}

bool PooledRelay::clientBlocks() const {
  return std::any_of(channels_.begin(), channels_.end(),
                     [](const Member& member) { return member.channel->whole() != 0; });
}

bool PooledRelay::holdsMemory() const {
  return ring_.holdsMemory() ||
         std::any_of(channels_.begin(), channels_.end(),
                     [](const Member& member) { return member.channel->holdsMemory(); });
}

void PooledRelay::releaseMemory() {
  ring_.release();
  for (const Member& member : channels_) member.channel->releaseMemory();
}

ByteMover::Outcome PooledRelay::pump() {
  // Then the loop's other connections get their turn.
  const std::uint64_t limit = bytesUp() + bytesDown() + bytes_per_turn_;
  for (;;) {
    starved_ = false;
    for (const Member& member : channels_) member.channel->beginTurn();
    bool progress = takeFromClient();
    if (client_failed_) return Outcome::kClientFailed;
    progress = route() || progress;
    for (const Member& member : channels_) {
      progress = member.channel->drain() || progress;
      progress = member.channel->fill() || progress;
      starved_ = starved_ || member.channel->starved();
    }
    progress = deliver() || progress;
    if (client_failed_) return Outcome::kClientFailed;
    // After the last record went out, and before ends are judged.
    passEnd();
    looseEnds();
    if (const auto end = ended()) return *end;
    if (!progress) return starved_ ? Outcome::kStarved : Outcome::kWaiting;
    if (bytesUp() + bytesDown() >= limit) return Outcome::kMore;
  }
}

bool PooledRelay::takeFromClient() {
  if (ring_.size() <= resume_at_) paused_ = false;
  bool some = false;
  while (!client_ended_ && !closing_ && !paused_) {
    const auto space = ring_.writable();
    if (space.empty()) {
      paused_ = ring_.full();
      starved_ = starved_ || !paused_;
      break;
    }
    const auto result = client_.read(space);
    client_failed_ = result.state == IoState::kFailed;
    if (client_failed_ || result.state == IoState::kWouldBlock) break;
    some = true;
    client_ended_ = result.state == IoState::kEnd;
    ring_.commit(result.bytes);
    if (calls_ != nullptr) calls_->fromClient(space.first(result.bytes));
    bytes_up_ += result.bytes;
  }
  return some;
}

// At least `most` bytes of the ring's front in one piece, or all there are.
std::string_view PooledRelay::front(std::size_t most) {
  const auto piece = ring_.readable();
  if (piece.size() >= most || piece.size() == ring_.size())
    return {reinterpret_cast<const char*>(piece.data()), piece.size()};
  most = std::min(most, scratch_.size());
  return {scratch_.data(),
          ring_.copyFront(std::as_writable_bytes(std::span(scratch_).first(most)))};
}

bool PooledRelay::route() {
  bool some = false;
  while (!closing_ && !broken_ && !ring_.empty()) {
    if (passage_.fragment_left == 0 && !beginFragment()) break;
    const auto bytes = ring_.readable();
    const std::size_t part = std::min(bytes.size(), passage_.fragment_left);
    const std::size_t taken = passage_.channel->write(bytes.first(part));
    if (taken == 0) break;
    ring_.consume(taken);
    passage_.fragment_left -= taken;
    some = true;
    if (passage_.fragment_left == 0 && passage_.last) passage_ = {};
  }
  return some;
}

bool PooledRelay::beginFragment() {
  const std::string_view start = front(rpc::kMarkSize);
  if (start.size() < rpc::kMarkSize) return false;
  rpc::XdrReader word(start);
  const auto mark = rpc::RecordMark::decode(word.u32());
  passage_.record += mark.length;
  if (mark.length > rpc::kMaxFragment || passage_.record > rpc::RecordLimits().record ||
      (mark.length == 0 && !mark.last)) {
    fail(Error(ErrorKind::kProtocol, "the client's RPC records cannot be followed"));
    return false;
  }
  if (passage_.channel == nullptr && !beginRecord()) {
    passage_.record = 0;
    return false;
  }
  passage_.fragment_left = rpc::kMarkSize + mark.length;
  passage_.last = mark.last;
  return true;
}

bool PooledRelay::beginRecord() {
  const std::string_view start = front(scratch_.size());
  rpc::XdrReader word(start);
  const auto mark = rpc::RecordMark::decode(word.u32());
  std::string_view message = start.substr(rpc::kMarkSize);
  const bool whole = message.size() >= mark.length;
  if (whole) message = message.substr(0, mark.length);
  const auto route = routeOf(message, whole);
  // Where the record goes is decided by its header, before its first byte is sent.
  // The rest of the header will come, or never.
  if (!route) return false;
  Channel* channel = choose(*route);
  if (channel == nullptr) return false;
  channel->begin(*route, mark.length);
  passage_.channel = channel;
  if (route->free) ++free_records_;
  return true;
}

Channel* PooledRelay::choose(const CallRoute& route) {
  Channel& first = *channels_.front().channel;
  // Order among these matters, and the server may know them from that connection only.
  if (!route.free) return first.takesRecords() ? &first : nullptr;
  std::array<ChannelLoad, 64> loads{};
  const std::size_t count = std::min(channels_.size(), loads.size());
  for (std::size_t i = 0; i < count; ++i) {
    loads[i] = {channels_[i].channel->takesRecords(), channels_[i].channel->outstandingBytes()};
  }
  const auto chosen = chooseChannel(std::span(loads).first(count));
  return chosen ? channels_[*chosen].channel.get() : nullptr;
}

Channel* PooledRelay::nextToDeliver() {
  for (std::size_t i = 0; i < channels_.size(); ++i) {
    // In turns: a connection with much to say must not silence the others.
    next_delivery_ = (next_delivery_ + 1) % channels_.size();
    Channel* channel = channels_[next_delivery_].channel.get();
    if (channel->whole() != 0) return channel;
  }
  return nullptr;
}

bool PooledRelay::deliver() {
  bool some = false;
  for (;;) {
    if (delivering_left_ == 0) {
      delivering_ = nextToDeliver();
      if (delivering_ == nullptr) break;
      // Fixed now: what comes meanwhile waits for the next turn, and no other connection's bytes
      // get between.
      delivering_left_ = delivering_->whole();
    }
    auto bytes = delivering_->readable();
    bytes = bytes.first(std::min(bytes.size(), delivering_left_));
    const auto result = client_.write(bytes);
    client_failed_ = result.state == IoState::kFailed;
    if (result.state != IoState::kDone || result.bytes == 0) break;
    if (calls_ != nullptr) calls_->fromServer(bytes.first(result.bytes));
    delivering_->consume(result.bytes);
    delivering_left_ -= result.bytes;
    some = true;
  }
  if (client_.flush().state == IoState::kFailed) client_failed_ = true;
  return some;
}

void PooledRelay::passEnd() {
  if (!client_ended_ || !ring_.empty()) return;
  for (const Member& member : channels_) member.channel->finishWriting();
}

void PooledRelay::fail(const Error& error) {
  broken_ = closing_ = true;
  error_ = error;
}

// The connection stands on the stack no more and is nobody's: whoever watches it lets go first.
void PooledRelay::bury(std::size_t index) {
  left_bytes_down_ += channels_[index].channel->received();
  if (delivering_ == channels_[index].channel.get()) delivering_ = nullptr;
  left_.push_back(std::move(channels_[index].owned));
  channels_.erase(channels_.begin() + static_cast<std::ptrdiff_t>(index));
}

void PooledRelay::looseEnds() {
  for (std::size_t i = channels_.size(); i-- > 0;) {
    Channel& channel = *channels_[i].channel;
    if (channel.whole() != 0) continue;
    const bool in_use =
        passage_.channel == &channel || channel.unanswered() != 0 || channel.blocked();
    const bool leaves = channel.lost() || (channel.retired() && channel.idle());
    if (!leaves) continue;
    if (i != 0 && !in_use) {
      bury(i);
    } else if (channel.lost() && in_use && channels_.size() > 1 && !closing_) {
      closing_ = true;
      error_ = channel.error().value_or(Error(ErrorKind::kReset, "server closed the connection"));
    }
  }
}

bool PooledRelay::othersAnswer() const {
  return std::any_of(channels_.begin(), channels_.end(), [](const Member& member) {
    const Channel& channel = *member.channel;
    return channel.whole() != 0 || (!channel.lost() && channel.unanswered() != 0);
  });
}

std::optional<ByteMover::Outcome> PooledRelay::ended() {
  // Whoever still owes an answer may give it: each one that arrives is one call fewer to be
  // replayed.
  if (closing_) {
    if (othersAnswer()) return std::nullopt;
    return Outcome::kCallsLost;
  }
  const Channel& first = *channels_.front().channel;
  if (!first.lost() || first.whole() != 0) return std::nullopt;
  // Others may still owe answers, though the first owes none.
  if (othersAnswer()) {
    closing_ = true;
    error_ = first.error().value_or(Error(ErrorKind::kReset, "server closed the connection"));
    return std::nullopt;
  }
  if (!first.ended()) {
    error_ = *first.error();
    return Outcome::kUpstreamFailed;
  }
  return client_ended_ ? Outcome::kFinished : Outcome::kUpstreamClosed;
}

}  // namespace efs::tls_tunnel
