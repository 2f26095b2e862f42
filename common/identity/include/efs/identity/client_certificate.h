// The client certificate that authorises a TLS mount (contract section 17): self-signed, carrying
// access point, file system, client information and, with IAM, a SigV4 signature over the public
// key.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "efs/base/clock.h"
#include "efs/base/result.h"
#include "efs/crypto/rsa_key.h"
#include "efs/identity/certificate_request.h"

namespace efs::identity {

// "fsap-" and 17 lower-case hexadecimal digits (contract section 3.2).
bool isAccessPointId(std::string_view text);

// CERT-2: the extensions after the subject key identifier, in this order.
inline constexpr const char* kAccessPointOid = "1.3.6.1.4.1.4843.7.1";
inline constexpr const char* kClientAuthOid = "1.3.6.1.4.1.4843.7.2";
inline constexpr const char* kFileSystemOid = "1.3.6.1.4.1.4843.7.3";
inline constexpr const char* kClientInfoOid = "1.3.6.1.4.1.4843.7.4";
// CERT-8.
inline constexpr std::size_t kMaxClientInfoLength = 100;

struct ClientCertificate {
  std::string pem;
  WallTime not_before, not_after;  // whole seconds
};

// Pure: same input, same bytes (RSA PKCS#1 v1.5 has no randomness). A field with control characters
// or invalid UTF-8 is kInvalidInput, but for the host name, which is made fit: nobody can mount
// otherwise on a machine with an odd name. All times are `now` and the credentials' clock_skew.
Result<ClientCertificate> makeClientCertificate(const CertificateRequest& request,
                                                const crypto::RsaKey& key, WallTime now);

// Contract CERT-9, ST-6: reads the key all mounts share; makes it (RSA-3072, 0400) under a file
// lock when missing or empty. `lock_path` lives in the state directory, which must exist. A file
// that holds something else than an RSA key is an error and is never overwritten: running mounts
// may depend on it.
Result<crypto::RsaKey> loadOrCreatePrivateKey(const std::string& path, const std::string& lock_path,
                                              const Clock& clock);

}  // namespace efs::identity
