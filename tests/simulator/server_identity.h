// The mount targets' side of TLS: a test CA made at start (ECDSA P-256), a good server certificate
// and three bad ones.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>

#include "world.h"

namespace efs::simulator {

class ServerIdentity {
 public:
  // Writes ca.pem (the certificate of the CA) into the work directory.
  static Result<std::unique_ptr<ServerIdentity>> create(const Config& config, const Clock& clock);

  // A server context that presents that certificate, asks for a client certificate (but for
  // kEndpoints) and accepts any: it is judged by content after the handshake. No session
  // resumption: it would skip the client certificate.
  SSL_CTX* context(ServerCertificate kind) const;

 private:
  using Context = std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)>;
  explicit ServerIdentity(std::vector<Context> contexts) : contexts_(std::move(contexts)) {}
  std::vector<Context> contexts_;  // by the value of ServerCertificate
};

}  // namespace efs::simulator
