#include "stream.h"

#include <netinet/tcp.h>
#include <openssl/err.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <climits>

namespace efs::simulator {

using State = IoResult::State;

Stream Stream::plain(UniqueFd fd) { return {std::move(fd), Tls(nullptr, SSL_free)}; }

Result<Stream> Stream::acceptTls(UniqueFd fd, SSL_CTX* context, const StopSignal& stop,
                                 Duration patience) {
  const SystemClock clock;
  const Deadline deadline(clock, patience);
  Tls ssl(SSL_new(context), SSL_free);
  if (!ssl || SSL_set_fd(ssl.get(), fd.get()) != 1) {
    return Error(ErrorKind::kInternal, "making a TLS session");
  }
  const int on = 1;
  ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  while (true) {
    ERR_clear_error();
    const int code = SSL_accept(ssl.get());
    if (code == 1) return Stream(std::move(fd), std::move(ssl));
    const int why = SSL_get_error(ssl.get(), code);
    if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE) {
      std::array<char, 256> text{"the client closed the connection"};
      if (const auto error = ERR_get_error(); error != 0) {
        ERR_error_string_n(error, text.data(), text.size());
      }
      return Error(ErrorKind::kProtocol, text.data());
    }
    const short events = why == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT;
    if (waitFor(fd.get(), events, stop, deadline.left()) != Ready::kYes) {
      return Error(ErrorKind::kTimeout, "the handshake did not end in time");
    }
  }
}

IoResult Stream::tlsResult(int code) const {
  switch (SSL_get_error(ssl_.get(), code)) {
    case SSL_ERROR_WANT_READ:
      return {State::kAgain, 0, POLLIN};
    case SSL_ERROR_WANT_WRITE:
      return {State::kAgain, 0, POLLOUT};
    case SSL_ERROR_ZERO_RETURN:
      return {State::kEnd, 0, 0};
    default:
      return {State::kBroken, 0, 0};
  }
}

IoResult Stream::read(char* buffer, std::size_t size) {
  if (ssl_) {
    ERR_clear_error();
    std::size_t count = 0;
    const int code = SSL_read_ex(ssl_.get(), buffer, size, &count);
    return code == 1 ? IoResult{State::kDone, count, 0} : tlsResult(code);
  }
  const ssize_t got = ::recv(fd_.get(), buffer, size, 0);
  if (got > 0) return {State::kDone, static_cast<std::size_t>(got), 0};
  if (got == 0) return {State::kEnd, 0, 0};
  if (errno == EAGAIN || errno == EINTR) return {State::kAgain, 0, POLLIN};
  return {State::kBroken, 0, 0};
}

IoResult Stream::write(std::string_view bytes) {
  if (ssl_) {
    ERR_clear_error();
    std::size_t count = 0;
    const int code = SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &count);
    return code == 1 ? IoResult{State::kDone, count, 0} : tlsResult(code);
  }
  const ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  if (sent >= 0) return {State::kDone, static_cast<std::size_t>(sent), 0};
  if (errno == EAGAIN || errno == EINTR) return {State::kAgain, 0, POLLOUT};
  return {State::kBroken, 0, 0};
}

void Stream::endOutput() {
  if (ssl_) {
    ERR_clear_error();
    SSL_shutdown(ssl_.get());
  }
  ::shutdown(fd_.get(), SHUT_WR);
}

std::optional<std::string> Stream::peerCertificate() const {
  if (!ssl_) return std::nullopt;
  X509* certificate = SSL_get0_peer_certificate(ssl_.get());
  if (certificate == nullptr) return std::nullopt;
  unsigned char* der = nullptr;
  const int length = i2d_X509(certificate, &der);
  if (length <= 0) return std::nullopt;
  std::string bytes(reinterpret_cast<char*>(der), static_cast<std::size_t>(length));
  OPENSSL_free(der);
  return bytes;
}

}  // namespace efs::simulator
