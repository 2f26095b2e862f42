// TlsTransport: TLS client over a non-blocking socket.
//
// Records are encrypted into one buffer and sent together: one system call for up to 128 KiB
// instead of one per record of 16 KiB. Reading asks the kernel for as much at once, and gives
// OpenSSL whole records (record_input.h).
#pragma once

#include <memory>
#include <string>

#include "efs/base/unique_fd.h"
#include "efs/io/transport.h"

namespace efs::tls {

class TlsTransport final : public io::Transport {
 public:
  ~TlsTransport() override;

  // Again after each event until kDone. The error tells apart: kUntrusted (chain: what OpenSSL says
  // and of which certificate; name: which names the server has), kPermission (the server refused
  // our certificate), kProtocol (other alerts), kReset.
  io::IoResult handshake();
  // "TLSv1.3 TLS_AES_256_GCM_SHA384"
  std::string describe() const;

  void ready(std::uint32_t events) override;
  io::IoResult read(std::span<std::byte> into) override;
  io::IoResult write(std::span<const std::byte> from) override;
  io::IoResult flush() override;
  // close_notify (RFC 8446 section 6.1: a half-close), then FIN.
  io::IoResult finishWriting() override;
  void releaseMemory() override;
  const Error& error() const override;
  int fd() const override;

 private:
  friend class TlsClientContext;
  friend class RevocationCheck;
  struct Impl;
  explicit TlsTransport(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace efs::tls
