// MemoryTransport: a peer in memory that can trickle, stand still, end and break at any byte.
#pragma once

#include <algorithm>
#include <cstring>
#include <limits>
#include <string>

#include "efs/io/transport.h"

namespace efs::tls_tunnel {

class MemoryTransport final : public io::Transport {
 public:
  static constexpr std::size_t kNever = std::numeric_limits<std::size_t>::max();

  std::string input;                      // what the peer sends
  bool ends = false;                      // ... and then ends in good order
  std::size_t break_reading_at = kNever;  // fails instead of byte number so many
  std::size_t break_writing_at = kNever;
  std::size_t step = kNever;    // bytes per call
  bool blocks_between = false;  // each second call would block
  std::size_t room = kNever;    // bytes the peer takes in all, then would-block
  std::string output;           // what the peer got
  bool finished = false;        // finishWriting() came through
  std::size_t calls = 0;
  std::size_t sent = 0;  // of `input`
  int released = 0;

  void ready(std::uint32_t) override {}
  io::IoResult read(std::span<std::byte> into) override {
    if (blocked()) return {io::IoState::kWouldBlock, 0};
    const std::size_t available =
        std::min({input.size() - sent, into.size(), step, break_reading_at - sent});
    if (available == 0 && sent == break_reading_at) return fail("reading broke");
    if (available == 0) return {ends ? io::IoState::kEnd : io::IoState::kWouldBlock, 0};
    std::memcpy(into.data(), input.data() + sent, available);
    sent += available;
    return {io::IoState::kDone, available};
  }

  io::IoResult write(std::span<const std::byte> from) override {
    if (blocked()) return {io::IoState::kWouldBlock, 0};
    const std::size_t taken =
        std::min({from.size(), step, room - output.size(), break_writing_at - output.size()});
    if (taken == 0 && output.size() == break_writing_at) return fail("writing broke");
    if (taken == 0) return {io::IoState::kWouldBlock, 0};
    output.append(reinterpret_cast<const char*>(from.data()), taken);
    return {io::IoState::kDone, taken};
  }
  io::IoResult flush() override { return {}; }
  io::IoResult finishWriting() override {
    if (blocked()) return {io::IoState::kWouldBlock, 0};
    finished = true;
    return {};
  }
  void releaseMemory() override { ++released; }
  const Error& error() const override { return error_; }
  int fd() const override { return -1; }

 private:
  bool blocked() { return blocks_between && ++calls % 2 == 1; }
  io::IoResult fail(const char* why) {
    error_ = Error(ErrorKind::kReset, why);
    return {io::IoState::kFailed, 0};
  }
  Error error_{ErrorKind::kInternal, "no error"};
};

}  // namespace efs::tls_tunnel
