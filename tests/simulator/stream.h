// Stream: one non-blocking byte stream, plain TCP or TLS, with the same face.
#pragma once

#include <openssl/ssl.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>

#include "efs/base/unique_fd.h"
#include "network.h"

namespace efs::simulator {

struct IoResult {
  enum class State { kDone, kAgain, kEnd, kBroken } state = State::kAgain;
  std::size_t count = 0;
  short wait_for = 0;  // with kAgain: the poll events after which to try again
};

class Stream {
 public:
  static Stream plain(UniqueFd fd);
  // Ends the server side of the handshake within `patience`.
  static Result<Stream> acceptTls(UniqueFd fd, SSL_CTX* context, const StopSignal& stop,
                                  Duration patience);

  IoResult read(char* buffer, std::size_t size);
  IoResult write(std::string_view bytes);
  // No more bytes will be written: close_notify and FIN. The other direction goes on.
  void endOutput();
  int fd() const { return fd_.get(); }
  bool isTls() const { return ssl_ != nullptr; }
  // The peer's certificate as DER; nullopt without TLS.
  std::optional<std::string> peerCertificate() const;

 private:
  using Tls = std::unique_ptr<SSL, decltype(&SSL_free)>;
  Stream(UniqueFd fd, Tls ssl) : fd_(std::move(fd)), ssl_(std::move(ssl)) {}
  IoResult tlsResult(int code) const;

  UniqueFd fd_;
  Tls ssl_;
};

}  // namespace efs::simulator
