// TlsClientContext: what all TLS connections of a tunnel share: the trusted authorities (parsed
// once), the name to check, the client certificate. OpenSSL stays behind this door.
//
// Contract TUN-10: TLS 1.2 and 1.3, client certificate always presented. Sessions are never
// resumed: a resumed session would skip the client certificate, also a new one. Suites and groups
// are our own choice (tls_policy.h), not that of the host's openssl.cnf.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "efs/base/clock.h"
#include "efs/base/result.h"
#include "efs/base/unique_fd.h"

namespace efs::tls {

class TlsTransport;

struct TlsOptions {
  bool verify = true;      // false: any server is taken, whatever its chain and name
  std::string ca_file;     // PEM bundle; needed when `verify`
  std::string check_host;  // must be in the server's certificate; empty: any name
  std::string
      server_name;  // what we connect to: SNI when check_host is empty, unless an IP literal
  std::string certificate_file;  // PEM: client certificate, intermediates behind it
  std::string key_file;          // PEM, not encrypted
  bool fips = false;             // only algorithms of OpenSSL's FIPS provider
  bool ask_staple = false;       // ask the server for an OCSP answer (RevocationCheck reads it)
  // OpenSSL's names with colons, those of TLS 1.3 ("TLS_...") and of TLS 1.2; empty: our own
  // choice.
  std::string ciphers;
  // Records sent under one key of TLS 1.3 before we change it. AES-GCM stands 2^24.5 of full size
  // (RFC 8446 section 5.5).
  std::uint64_t records_per_key = std::uint64_t{1} << 23U;
};

class TlsClientContext {
 public:
  // Reads all files now; nothing is opened later but by reloadCertificate() and
  // refreshAuthorities(). Errors name the file:
  // kNotFound, kInvalidInput, kUnsupported (no FIPS provider).
  static Result<TlsClientContext> create(const TlsOptions& options, const Clock& clock);
  TlsClientContext(TlsClientContext&&) noexcept;
  TlsClientContext& operator=(TlsClientContext&&) noexcept;
  ~TlsClientContext();

  // Reads certificate and key again for connections made from now on (TUN-4). On any error,
  // including an expired certificate and a key that does not belong to it, the old pair stays. One
  // that outlives the present one is taken: it may be our clock that is wrong.
  Status reloadCertificate();
  // Reads the authorities again when their file is another one than before: true when the new ones
  // count, for handshakes from now on. A bad file is an error once; the old authorities stay.
  // False for ever from when they are on a file system that may not answer, or behind one (an NFS
  // server's, perhaps the one behind this tunnel), for the tunnel would wait for it.
  Result<bool> refreshAuthorities();
  bool authoritiesReadOnce() const;
  // Subject, serial number and end of validity of the current certificate, for the log.
  std::string describeCertificate() const;
  // End of its validity; nullopt when there is none.
  std::optional<WallTime> certificateEnd() const;

  // A client on the connected, non-blocking socket; the handshake is the caller's to drive.
  Result<std::unique_ptr<TlsTransport>> connect(UniqueFd socket) const;

 private:
  struct Impl;
  explicit TlsClientContext(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace efs::tls
