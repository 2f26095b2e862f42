// Readiness: what is known about an edge-triggered stream socket without asking it.
//
// A read that brought less than was asked for has emptied the socket, a write that took less has
// filled it, and the next edge tells when that changes (epoll(7), "Possible pitfalls"): the call
// that would only answer EAGAIN is saved. Not behind an end, an error or urgent data: they stand in
// the stream behind bytes, cut a read short, and bring no edge of their own after it.
//
// Until the first told() nothing is known and every call asks the socket: so for an owner who does
// not watch it edge-triggered.
#pragma once

#include <sys/epoll.h>

#include <cstddef>
#include <cstdint>

namespace efs::io {

class Readiness {
 public:
  // What epoll has reported; 0 is no report.
  void told(std::uint32_t events) {
    if (events == 0) return;
    watched_ = true;
    if ((events & kBehindBytes) != 0) short_read_means_dry_ = false;
    if ((events & (EPOLLIN | kBehindBytes)) != 0) dry_ = false;
    if ((events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0) full_ = false;
  }
  bool mayRead() const { return !dry_; }
  bool mayWrite() const { return !full_; }

  // What a call has brought.
  void didRead(std::size_t got, std::size_t asked) {
    dry_ = watched_ && short_read_means_dry_ && got < asked;
  }
  void didWrite(std::size_t taken, std::size_t offered) { full_ = watched_ && taken < offered; }
  // EAGAIN
  void blockedReading() { dry_ = watched_; }
  void blockedWriting() { full_ = watched_; }

 private:
  static constexpr std::uint32_t kBehindBytes = EPOLLRDHUP | EPOLLHUP | EPOLLERR | EPOLLPRI;
  bool watched_ = false;
  bool short_read_means_dry_ = true;
  bool dry_ = false;
  bool full_ = false;
};

}  // namespace efs::io
