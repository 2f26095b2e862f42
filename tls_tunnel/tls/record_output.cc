#include "record_output.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "openssl_pointers.h"

namespace efs::tls {
namespace {

// Into memory, not into the socket: many records go out in one system call, by flush().
int writeRing(BIO* bio, const char* bytes, int length) {
  auto& ring = *static_cast<io::ByteRing*>(BIO_get_data(bio));
  // OpenSSL asks these flags whether "-1" means "again later" or "broken".
  BIO_clear_retry_flags(bio);
  const auto wanted = static_cast<std::size_t>(std::max(length, 0));
  std::size_t done = 0;
  while (done < wanted) {
    const auto space = ring.writable();
    if (space.empty()) break;
    const std::size_t part = std::min(space.size(), wanted - done);
    std::memcpy(space.data(), bytes + done, part);
    ring.commit(part);
    done += part;
  }
  if (done == 0 && wanted > 0) {
    BIO_set_retry_write(bio);
    return -1;
  }
  return static_cast<int>(done);
}

long outputControl(BIO* bio, int command, long, void*) {
  if (command == BIO_CTRL_FLUSH || command == BIO_CTRL_DUP) return 1;
  if (command == BIO_CTRL_WPENDING)
    return static_cast<long>(static_cast<io::ByteRing*>(BIO_get_data(bio))->size());
  return 0;
}

BIO_METHOD* outputMethod() {
  static const BioMethodPtr method = [] {
    BioMethodPtr made(BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "efs output ring"));
    if (made) {
      BIO_meth_set_write(made.get(), writeRing);
      BIO_meth_set_ctrl(made.get(), outputControl);
    }
    return made;
  }();
  return method.get();
}

}  // namespace

io::IoState RecordOutput::flush() {
  while (!ring_.empty()) {
    if (!readiness_.mayWrite()) return io::IoState::kWouldBlock;
    const auto bytes = ring_.readable();
    const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      ring_.consume(static_cast<std::size_t>(sent));
      readiness_.didWrite(static_cast<std::size_t>(sent), bytes.size());
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      readiness_.blockedWriting();
      return io::IoState::kWouldBlock;
    } else if (errno != EINTR) {
      return io::IoState::kFailed;
    }
  }
  return io::IoState::kDone;
}

BIO* newOutputBio(RecordOutput& output) {
  const BIO_METHOD* method = outputMethod();
  BIO* bio = method != nullptr ? BIO_new(method) : nullptr;
  if (bio == nullptr) return nullptr;
  BIO_set_data(bio, &output.ring_);
  BIO_set_init(bio, 1);
  return bio;
}

}  // namespace efs::tls
