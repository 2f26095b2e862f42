// RevocationCheck: was a certificate of the server revoked? OCSP (RFC 6960), after the handshake.
//
// As stunnel's OCSPaia: every certificate below the root is asked about at the responder that it
// names itself (authority information access, RFC 5280 section 4.2.2.1); one that names none is
// taken as it is; "revoked", "unknown" and a responder that cannot be asked end the connection.
// Better than stunnel: an answer that the server staples to its certificate (RFC 6066 section 8)
// saves the question, and a good answer is remembered while it is valid, so that reconnecting does
// not hang on the responder.
//
// Nothing here blocks: the caller connects the socket and drives the exchange.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "efs/base/clock.h"
#include "efs/base/result.h"
#include "efs/base/unique_fd.h"
#include "efs/io/transport.h"

namespace efs::tls {

class TlsTransport;

// Certificates that were found good, by fingerprint, and until when that counts: the end that the
// responder gave, or an hour. Holds a handful, of one tunnel's server.
class RevocationMemory {
 public:
  void remember(const std::string& fingerprint, WallTime until);
  bool isGood(const std::string& fingerprint, WallTime now) const;

 private:
  std::map<std::string, WallTime> good_;
};

class RevocationCheck {
 public:
  // An OCSP responder: only http (an https one could not be judged before its own certificate is).
  struct Responder {
    std::string host;
    std::uint16_t port = 80;
    std::string path;
    std::string url;  // for messages
  };

  // For a connection whose handshake is done and whose chain was verified. kUntrusted: the stapled
  // answer says "revoked". The memory and the clock must outlive the object.
  static Result<RevocationCheck> begin(const TlsTransport& transport, RevocationMemory& memory,
                                       const Clock& clock);
  RevocationCheck(RevocationCheck&&) noexcept;
  RevocationCheck& operator=(RevocationCheck&&) noexcept;
  ~RevocationCheck();

  // Whom to ask next; nullopt: everything is known and good.
  std::optional<Responder> next() const;
  // Sends the question of next() over this connected, non-blocking socket.
  Status ask(UniqueFd socket);
  // Again after each event of fd() until it is not kWouldBlock. kDone: the answer was good, see
  // next(). kFailed: the connection must end, for the reason in error(), unless responderFailed()
  // finds another responder.
  io::IoState drive();
  int fd() const;  // until the next ask() or responderFailed()
  // The responder of next() could not be asked, or gave no usable answer. kUntrusted when the
  // certificate names no further one.
  Status responderFailed(const Error& error);
  const Error& error() const;
  // The failure is final: "revoked" or "unknown" are answers, further responders are not asked.
  bool answered() const;

 private:
  struct Impl;
  explicit RevocationCheck(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace efs::tls
