// Transport: a stream that never blocks. Would-block is a value, not an error.
#pragma once

#include <sys/epoll.h>

#include <cstddef>
#include <cstdint>
#include <span>

#include "efs/base/error.h"

namespace efs::io {

enum class IoState {
  kDone,        // `bytes` of them were moved, at least one (0 where there is nothing to move)
  kWouldBlock,  // again after the next event of the descriptor, told to ready()
  kStarved,     // there is no memory for a buffer: again later, no event will tell
  kEnd,         // reading: the peer ended its direction in good order
  kFailed,      // error() tells why; the transport is of no further use
};

struct IoResult {
  IoState state = IoState::kDone;
  std::size_t bytes = 0;
};

class Transport {
 public:
  virtual ~Transport() = default;

  // What epoll(7) has reported about fd(), watched edge-triggered for kEdges. Who never calls this
  // gets a system call for each read and write (Readiness).
  virtual void ready(std::uint32_t events) = 0;

  virtual IoResult read(std::span<std::byte> into) = 0;
  // Takes the bytes over; they may still wait inside, see flush(). After kWouldBlock the next call
  // must offer the same bytes again, and may offer more behind them.
  virtual IoResult write(std::span<const std::byte> from) = 0;
  // Sends what write() left inside; kDone when nothing is left.
  virtual IoResult flush() = 0;
  // Half-close: tells the peer that no more bytes will come. Reading goes on. Repeat until kDone.
  virtual IoResult finishWriting() = 0;
  // Gives idle memory back.
  virtual void releaseMemory() = 0;

  // Of the last kFailed.
  virtual const Error& error() const = 0;
  virtual int fd() const = 0;
};

// To be registered once for a Transport's descriptor: no epoll_ctl(2) on the data path.
inline constexpr std::uint32_t kEdges = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLPRI | EPOLLET;

// Makes the close of this socket a reset (RST), so that the peer notices at once.
void resetOnClose(int fd);
// Throws away what has arrived, up to a bound: closing a socket with unread bytes is a reset too.
void discardInput(int fd);

}  // namespace efs::io
