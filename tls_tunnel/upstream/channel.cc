#include "efs/tls_tunnel/upstream/channel.h"

#include <algorithm>
#include <cstring>

namespace efs::tls_tunnel {
namespace {

using io::IoState;

// Any legal record, and a read behind it. Address space only: pages are touched as they are used.
constexpr std::size_t kRing = 2 * rpc::kMaxFragment + (std::size_t{64} << 10U);
// So many bytes of whole records wait for the client at most, and one record.
constexpr std::size_t kEnoughWhole = std::size_t{256} << 10U;
constexpr std::size_t kMostRead = std::size_t{256} << 10U;
constexpr std::size_t kPrefix = 8;

}  // namespace

Channel::Channel(io::Transport& transport) : transport_(transport), up_(kRing), down_(kRing) {}

void Channel::begin(const CallRoute& route, std::size_t bytes) {
  if (!route.call) return;
  calls_.push_back({route.xid, bytes + route.expected});
  outstanding_bytes_ += bytes + route.expected;
}

std::size_t Channel::write(std::span<const std::byte> bytes) {
  std::size_t done = 0;
  if (up_.empty() && !write_broke_) {
    // Nothing waits, so the order is kept without a copy.
    const auto result = transport_.write(bytes);
    write_broke_ = result.state == IoState::kFailed;
    if (result.state == IoState::kDone) done = result.bytes;
  }
  while (done < bytes.size()) {
    const auto space = up_.writable();
    if (space.empty()) break;
    const std::size_t part = std::min(space.size(), bytes.size() - done);
    std::memcpy(space.data(), bytes.data() + done, part);
    up_.commit(part);
    done += part;
  }
  if (done == 0) starved_ = !up_.full();
  return done;
}

bool Channel::drain() {
  bool some = false;
  while (!up_.empty() && !write_broke_) {
    const auto result = transport_.write(up_.readable());
    write_broke_ = result.state == IoState::kFailed;
    starved_ = starved_ || result.state == IoState::kStarved;
    if (result.state != IoState::kDone || result.bytes == 0) break;
    up_.consume(result.bytes);
    some = true;
  }
  // Also where nothing was written now: TLS may hold records of an earlier turn.
  if (!write_broke_) write_broke_ = transport_.flush().state == IoState::kFailed;
  return some;
}

void Channel::finishWriting() {
  if (finished_ || !up_.empty() || write_broke_) return;
  const auto state = transport_.finishWriting().state;
  finished_ = state == IoState::kDone;
  write_broke_ = state == IoState::kFailed;
  starved_ = starved_ || state == IoState::kStarved;
}

bool Channel::fill() {
  bool some = false;
  while (!lost() && whole_ < kEnoughWhole) {
    auto space = down_.writable();
    if (space.empty()) {
      starved_ = starved_ || !down_.full();
      break;
    }
    space = space.first(std::min(space.size(), kMostRead));
    const auto result = transport_.read(space);
    if (result.state == IoState::kWouldBlock || result.state == IoState::kStarved) {
      starved_ = starved_ || result.state == IoState::kStarved;
      break;
    }
    if (result.state == IoState::kFailed) {
      error_ = transport_.error();
      break;
    }
    some = true;
    ended_ = result.state == IoState::kEnd;
    down_.commit(result.bytes);
    received_ += result.bytes;
    follow({reinterpret_cast<const char*>(space.data()), result.bytes});
  }
  // A write that fails while replies still wait in the socket is no reason to lose those.
  // What the server said before it broke off has been read by now.
  if (!lost() && write_broke_ && !some && whole_ < kEnoughWhole) error_ = transport_.error();
  return some;
}

void Channel::follow(std::string_view bytes) {
  while (!bytes.empty() && !error_) {
    const auto step = records_.advance(bytes);
    if (!step) {
      error_ = step.error();
      return;
    }
    if (step->payload && prefix_.size() < kPrefix)
      prefix_.append(bytes.substr(0, std::min(step->bytes, kPrefix - prefix_.size())));
    incomplete_ += step->bytes;
    if (step->record_ended) {
      const auto prefix = rpc::readPrefix(prefix_);
      if (prefix && prefix->direction == rpc::Direction::kReply) answered(prefix->xid);
      if (!error_) whole_ += incomplete_;
      incomplete_ = 0;
      prefix_.clear();
    }
    bytes.remove_prefix(step->bytes);
  }
}

// A reply that nobody asked for here is not passed on: the client may have a call of that number
// under way on another connection.
void Channel::answered(std::uint32_t xid) {
  const auto found =
      std::find_if(calls_.begin(), calls_.end(), [&](const Call& call) { return call.xid == xid; });
  if (found == calls_.end()) {
    error_ = Error(ErrorKind::kProtocol, "a reply to a call that was not sent on this connection");
    return;
  }
  outstanding_bytes_ -= found->bytes;
  calls_.erase(found);
}

std::span<const std::byte> Channel::readable() const {
  const auto bytes = down_.readable();
  return bytes.first(std::min(bytes.size(), whole_));
}

void Channel::consume(std::size_t bytes) {
  down_.consume(bytes);
  whole_ -= bytes;
}

void Channel::releaseMemory() {
  up_.release();
  down_.release();
  transport_.releaseMemory();
}

}  // namespace efs::tls_tunnel
