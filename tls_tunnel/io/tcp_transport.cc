#include "efs/io/tcp_transport.h"

#include <sys/socket.h>

#include <array>
#include <cerrno>

namespace efs::io {

namespace {

bool wouldBlock(int err) { return err == EAGAIN || err == EWOULDBLOCK; }

constexpr int kMostDiscarded = 512;  // 8 MiB: more than a receive buffer holds

}  // namespace

// A linger time of zero makes close(2) drop what waits and send RST instead of FIN (socket(7)).
void resetOnClose(int fd) {
  const linger at_once{1, 0};
  (void)::setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
}

// close(2) with unread bytes sends RST, which would take back from the peer what it has not read
// yet (RFC 1122 section 4.2.2.13).
void discardInput(int fd) {
  std::array<char, 16384> scratch{};
  for (int i = 0; i < kMostDiscarded; ++i) {
    if (::recv(fd, scratch.data(), scratch.size(), MSG_DONTWAIT) <= 0) return;
  }
}

IoResult TcpTransport::read(std::span<std::byte> into) {
  while (readiness_.mayRead()) {
    const ssize_t got = ::recv(fd_.get(), into.data(), into.size(), 0);
    // Not waited for an event: with edges the next one may never come.
    if (got == 0) return {IoState::kEnd, 0};
    if (got > 0) {
      readiness_.didRead(static_cast<std::size_t>(got), into.size());
      return {IoState::kDone, static_cast<std::size_t>(got)};
    }
    if (wouldBlock(errno)) {
      readiness_.blockedReading();
      break;
    }
    if (errno != EINTR) return fail(errno, "read");
  }
  return {IoState::kWouldBlock, 0};
}

IoResult TcpTransport::write(std::span<const std::byte> from) {
  while (readiness_.mayWrite()) {
    const ssize_t sent = ::send(fd_.get(), from.data(), from.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      readiness_.didWrite(static_cast<std::size_t>(sent), from.size());
      return {IoState::kDone, static_cast<std::size_t>(sent)};
    }
    if (wouldBlock(errno)) {
      readiness_.blockedWriting();
      break;
    }
    if (errno != EINTR) return fail(errno, "write");
  }
  return {IoState::kWouldBlock, 0};
}

IoResult TcpTransport::finishWriting() {
  if (::shutdown(fd_.get(), SHUT_WR) == 0) return {};
  return fail(errno, "shutdown");
}

IoResult TcpTransport::fail(int err, const char* what) {
  error_ = Error::fromErrno(err, what);
  return {IoState::kFailed, 0};
}

}  // namespace efs::io
