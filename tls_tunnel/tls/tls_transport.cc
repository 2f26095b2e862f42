#include "efs/tls/tls_transport.h"

#include <openssl/err.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "tls_transport_impl.h"

namespace efs::tls {

using io::IoResult;
using io::IoState;

TlsTransport::TlsTransport(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TlsTransport::~TlsTransport() = default;

namespace {

// Names a call on the connection that did not succeed: to be repeated, the end, or an error.
IoResult classify(const SSL* ssl, int result, int os_error, Error& error) {
  const int reason = SSL_get_error(ssl, result);
  switch (reason) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
      return {IoState::kWouldBlock, 0};
    case SSL_ERROR_ZERO_RETURN:
      return {IoState::kEnd, 0};
    default:
      error = connectionError(ssl, reason, os_error);
      return {IoState::kFailed, 0};
  }
}

}  // namespace

IoResult TlsTransport::handshake() {
  // SSL_get_error() looks at the queue of this thread: what another connection left in it would be
  // taken for ours.
  ERR_clear_error();
  errno = 0;
  const int result = SSL_do_handshake(impl_->ssl.get());
  const int os_error = errno;
  IoResult state;
  if (result != 1) state = classify(impl_->ssl.get(), result, os_error, impl_->error);
  // Also after a failure: the server shall get our alert.
  if (state.state == IoState::kWouldBlock && SSL_want_write(impl_->ssl.get()) &&
      impl_->output->starved()) {
    impl_->error = Error::fromErrno(ENOMEM, "TLS handshake: a buffer");
    return {IoState::kFailed, 0};
  }
  // flush() may fail as well, and its error would hide why.
  const Error reason = impl_->error;
  const IoResult sent = flush();
  if (state.state == IoState::kFailed) {
    impl_->error = reason;
    return state;
  }
  if (sent.state == IoState::kFailed) return sent;
  if (state.state == IoState::kEnd) {
    impl_->error = Error(ErrorKind::kReset, "server closed the connection during the handshake");
    return {IoState::kFailed, 0};
  }
  return state;
}

std::string TlsTransport::describe() const {
  return std::string(SSL_get_version(impl_->ssl.get())) + " " +
         SSL_get_cipher_name(impl_->ssl.get());
}

void TlsTransport::ready(std::uint32_t events) { impl_->readiness.told(events); }

IoResult TlsTransport::read(std::span<std::byte> into) {
  for (;;) {
    // Reading may make answers, to a KeyUpdate for example.
    if (impl_->output->room() < kLeastRoom && flush().state == IoState::kFailed)
      return {IoState::kFailed, 0};
    if (impl_->output->room() < kLeastRoom) return {IoState::kWouldBlock, 0};
    ERR_clear_error();
    errno = 0;
    std::size_t got = 0;
    const int result = SSL_read_ex(impl_->ssl.get(), into.data(), into.size(), &got);
    if (result == 1) return {IoState::kDone, got};
    const IoResult state = classify(impl_->ssl.get(), result, errno, impl_->error);
    if (state.state != IoState::kWouldBlock) return state;
    // Answers go out with the read that caused them: nothing else may be written for a long time.
    if (!impl_->output->empty() && flush().state == IoState::kFailed) return {IoState::kFailed, 0};
    if (!SSL_want_write(impl_->ssl.get())) return state;
    if (impl_->output->starved()) return {IoState::kStarved, 0};
    // The answers have filled the output. Where the socket has taken them since, no event tells
    // that the rest of the input is still unread.
  }
}

IoResult TlsTransport::write(std::span<const std::byte> from) {
  std::size_t taken = 0;
  IoState blocked = IoState::kWouldBlock;
  while (taken < from.size()) {
    if (impl_->output->room() < kRecordRoom + kAnswerRoom && flush().state == IoState::kFailed)
      return {IoState::kFailed, 0};
    if (impl_->output->room() < kRecordRoom + kAnswerRoom) break;  // the socket is full
    if (impl_->output->starved()) {
      blocked = IoState::kStarved;
      break;
    }
    // Between two records, the only place where a KeyUpdate may stand.
    if (impl_->records >= impl_->records_per_key && !impl_->changeKey())
      return {IoState::kFailed, 0};
    ERR_clear_error();
    errno = 0;
    // One record each, where all of it has room: OpenSSL must not hold a part of one, over which a
    // KeyUpdate of the server would trip.
    std::size_t part = 0;
    const int result = SSL_write_ex(impl_->ssl.get(), from.data() + taken,
                                    std::min(from.size() - taken, kRecordText), &part);
    if (result != 1) {
      const IoResult state = classify(impl_->ssl.get(), result, errno, impl_->error);
      if (state.state == IoState::kWouldBlock) break;
      if (state.state == IoState::kEnd)
        impl_->error = Error(ErrorKind::kReset, "TLS connection is closed");
      return {IoState::kFailed, 0};
    }
    taken += part;
    ++impl_->records;
  }
  if (taken == 0) return {blocked, 0};
  return {IoState::kDone, taken};
}

// TLS 1.2 has no such message, and renegotiation is off.
bool TlsTransport::Impl::changeKey() {
  // An answer of ours to the server's wish waits for room: the next record will do.
  if (SSL_is_init_finished(ssl.get()) != 1) return true;
  records = 0;
  if (SSL_version(ssl.get()) != TLS1_3_VERSION) return true;
  ERR_clear_error();
  if (SSL_key_update(ssl.get(), SSL_KEY_UPDATE_NOT_REQUESTED) == 1 &&
      SSL_do_handshake(ssl.get()) == 1)
    return true;
  error = Error(ErrorKind::kProtocol, "TLS: changing the key: " + takeReason("unknown failure"));
  return false;
}

IoResult TlsTransport::flush() {
  const IoState state = impl_->output->flush();
  if (state == IoState::kFailed) impl_->error = Error::fromErrno(errno, "write");
  return {state, 0};
}

IoResult TlsTransport::finishWriting() {
  if (!impl_->close_notify_sent) {
    if (impl_->output->starved()) return {IoState::kStarved, 0};
    ERR_clear_error();
    errno = 0;
    const int result = SSL_shutdown(impl_->ssl.get());
    if (result < 0) {
      const IoResult state = classify(impl_->ssl.get(), result, errno, impl_->error);
      if (state.state == IoState::kWouldBlock) (void)flush();
      if (state.state != IoState::kEnd) return state;
    }
    impl_->close_notify_sent = true;
  }
  const IoResult sent = flush();
  if (sent.state != IoState::kDone) return sent;
  // Behind close_notify, so that the server can tell an end from an attacker's cut.
  if (::shutdown(impl_->fd.get(), SHUT_WR) == 0) return {};
  impl_->error = Error::fromErrno(errno, "shutdown");
  return {IoState::kFailed, 0};
}

// The read buffer is given back by OpenSSL itself (SSL_MODE_RELEASE_BUFFERS).
void TlsTransport::releaseMemory() { impl_->output->releaseMemory(); }

const Error& TlsTransport::error() const { return impl_->error; }
int TlsTransport::fd() const { return impl_->fd.get(); }

}  // namespace efs::tls
