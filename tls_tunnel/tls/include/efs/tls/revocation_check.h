// RevocationCheck: was a certificate of the server revoked? OCSP (RFC 6960), after the handshake.
//
// As stunnel's OCSPaia: every certificate below the root is asked about at the responder that it
// names itself (authority information access, RFC 5280 section 4.2.2.1); one that names none is
// taken as it is; "revoked", "unknown" and a responder that cannot be asked end the connection.
// Better than stunnel: an answer that the server staples to its certificate (RFC 6066 section 8)
// saves the question, and a good answer is remembered while it is valid, so that reconnecting does
// not hang on the responder.
// There is no nonce (section 4.4.1): responders that sign in advance, as those of public
// authorities do, do not return it. So an answer may be brought again until its end, or for an
// hour.
//
// Nothing here blocks: the caller connects the socket and drives the exchange.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "efs/base/clock.h"
#include "efs/base/result.h"
#include "efs/base/unique_fd.h"
#include "efs/io/transport.h"
#include "efs/tls/ocsp_exchange.h"

namespace efs::tls {

class TlsTransport;

// Certificates that were found good, by fingerprint, and until when that counts: the end that the
// responder gave, or an hour. A clock that was set back ends it too. Holds a handful, of one
// tunnel's server.
class RevocationMemory {
 public:
  void remember(const std::string& fingerprint, WallTime now, WallTime until);
  bool isGood(const std::string& fingerprint, WallTime now) const;

 private:
  struct Span {
    WallTime since;
    WallTime until;
  };
  std::map<std::string, Span> good_;
};

class RevocationCheck {
 public:
  // For a connection whose handshake is done and whose chain was verified. kUntrusted: the stapled
  // answer says "revoked", or there is a certificate that cannot be asked about. The memory and the
  // clock must outlive the object.
  static Result<RevocationCheck> begin(const TlsTransport& transport, RevocationMemory& memory,
                                       const Clock& clock);
  RevocationCheck(RevocationCheck&&) noexcept;
  RevocationCheck& operator=(RevocationCheck&&) noexcept;
  ~RevocationCheck();

  // Whom to ask next; nullopt: everything is known and good.
  std::optional<OcspResponder> next() const;
  // Sends the question of next() over this connected, non-blocking socket.
  Status ask(UniqueFd socket);
  // Again after each event of fd() until it is not kWouldBlock. kDone: the answer was good, see
  // next(). kFailed: the connection must end, for the reason in error(), unless responderFailed()
  // finds another responder.
  io::IoState drive();
  int fd() const;  // until the next ask() or responderFailed()
  // The responder of next() could not be asked, or gave no usable answer. When the certificate
  // names no further one: undecided().
  Status responderFailed(const Error& why);
  // Why the connection must end without a verdict: kUnreachable where it may pass by itself, else
  // kUntrusted.
  Error undecided(const Error& why) const;
  const Error& error() const;
  // The failure is final: "revoked" or "unknown" are answers, further responders are not asked.
  bool answered() const;

 private:
  struct Impl;
  explicit RevocationCheck(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace efs::tls
