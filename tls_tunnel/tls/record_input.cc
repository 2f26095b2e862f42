#include "record_input.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>

#include "openssl_pointers.h"

namespace efs::tls {
namespace {

constexpr std::size_t kHeader = 5;  // type, version, length

// Types of records are 20 to 24, and every version of TLS says 3 first.
bool mayBeHeader(const std::byte* header) {
  const auto type = std::to_integer<unsigned>(header[0]);
  return type >= 20 && type <= 24 && std::to_integer<unsigned>(header[1]) == 3;
}

int readRecords(BIO* bio, char* into, int size) {
  auto& input = *static_cast<RecordInput*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  const auto room = static_cast<std::size_t>(std::max(size, 0));
  const ssize_t got = input.read({reinterpret_cast<std::byte*>(into), room});
  if (got < 0 && errno == EAGAIN) BIO_set_retry_read(bio);
  return static_cast<int>(got);
}

long inputControl(BIO* bio, int command, long, void*) {
  if (command == BIO_CTRL_EOF) return static_cast<RecordInput*>(BIO_get_data(bio))->ended() ? 1 : 0;
  return command == BIO_CTRL_FLUSH || command == BIO_CTRL_DUP ? 1 : 0;
}

BIO_METHOD* inputMethod() {
  static const BioMethodPtr method = [] {
    BioMethodPtr made(BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "efs record input"));
    if (made) {
      BIO_meth_set_read(made.get(), readRecords);
      BIO_meth_set_ctrl(made.get(), inputControl);
    }
    return made;
  }();
  return method.get();
}

}  // namespace

std::size_t wholeRecords(std::span<const std::byte> bytes) {
  std::size_t whole = 0;
  while (bytes.size() - whole >= kHeader) {
    const std::byte* length = bytes.data() + whole + 3;
    const std::size_t record = kHeader + (std::to_integer<std::size_t>(length[0]) << 8U) +
                               std::to_integer<std::size_t>(length[1]);
    // No TLS: OpenSSL shall see it as it is, and say what is wrong with it.
    if (record > kMostRecord || !mayBeHeader(bytes.data() + whole)) return bytes.size();
    if (record > bytes.size() - whole) break;
    whole += record;
  }
  return whole;
}

ssize_t RecordInput::read(std::span<std::byte> into) {
  // OpenSSL finishes a record that it has begun: it asks for so many bytes and no more.
  if (into.size() < kMostRecord) {
    const std::size_t held = takeHeld(into);
    return held != 0 ? static_cast<ssize_t>(held) : receive(into);
  }
  std::size_t filled = takeHeld(into);
  for (;;) {
    const ssize_t got = receive(into.subspan(filled));
    // At the end OpenSSL shall see the piece of a record, and then the end.
    if (got == 0 && filled != 0) return static_cast<ssize_t>(filled);
    if (got <= 0) {
      const int reason = errno;
      const bool kept = got == 0 || reason != EAGAIN || hold(into.first(filled));
      errno = kept ? reason : ENOMEM;
      return got;
    }
    filled += static_cast<std::size_t>(got);
    const std::size_t whole = wholeRecords(into.first(filled));
    if (whole == 0) continue;
    if (hold(into.subspan(whole, filled - whole))) return static_cast<ssize_t>(whole);
    errno = ENOMEM;
    return -1;
  }
}

ssize_t RecordInput::receive(std::span<std::byte> into) {
  while (!ended_ && readiness_.mayRead()) {
    const ssize_t got = ::recv(fd_, into.data(), into.size(), 0);
    if (got > 0) readiness_.didRead(static_cast<std::size_t>(got), into.size());
    if (got == 0) ended_ = true;
    if (got >= 0) return got;
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
      readiness_.blockedReading();
      break;
    }
    // An error is told once; the socket says nothing but the end afterwards.
    if (errno != EINTR) return got;
  }
  if (ended_) return 0;
  errno = EAGAIN;
  return -1;
}

std::size_t RecordInput::takeHeld(std::span<std::byte> into) {
  const std::size_t part = std::min(held_bytes_, into.size());
  if (part == 0) return 0;
  std::memcpy(into.data(), held_.get(), part);
  held_bytes_ -= part;
  if (held_bytes_ != 0) std::memmove(held_.get(), held_.get() + part, held_bytes_);
  return part;
}

// Given back where the stream stands between records, as an idle connection does.
bool RecordInput::hold(std::span<const std::byte> bytes) {
  held_bytes_ = bytes.size();
  if (bytes.empty()) {
    if (!readiness_.mayRead()) held_.reset();
    return true;
  }
  // Without an exception: a lack of memory ends this connection, not the tunnel.
  if (!held_) held_.reset(new (std::nothrow) std::byte[kMostRecord]);
  if (!held_) {
    held_bytes_ = 0;
    return false;
  }
  std::memcpy(held_.get(), bytes.data(), bytes.size());
  return true;
}

BIO* newInputBio(RecordInput& input) {
  const BIO_METHOD* method = inputMethod();
  BIO* bio = method != nullptr ? BIO_new(method) : nullptr;
  if (bio == nullptr) return nullptr;
  BIO_set_data(bio, &input);
  BIO_set_init(bio, 1);
  return bio;
}

}  // namespace efs::tls
