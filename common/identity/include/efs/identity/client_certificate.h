// The client certificate that authorises a TLS mount (contract section 17): self-signed, carrying
// access point, file system, client information and, with IAM, a SigV4 signature over the public
// key.
#pragma once

#include <optional>
#include <string>

#include "efs/aws/credentials.h"
#include "efs/base/clock.h"
#include "efs/base/result.h"
#include "efs/crypto/rsa_key.h"

namespace efs::identity {

struct CertificateRequest {
  std::string common_name;  // cut to 64 characters (CERT-1)
  std::string fs_id;
  std::optional<std::string> access_point;
  std::string region;
  std::optional<aws::Credentials> credentials;  // present = iam
  std::string service = "elasticfilesystem";
  std::string client_source = "unknown";
  std::string client_version;
};

struct ClientCertificate {
  std::string pem;
  WallTime not_before, not_after;
};

// Pure but for the signature's randomness (RSA PKCS#1 v1.5 has none): same input, same bytes.
Result<ClientCertificate> makeClientCertificate(const CertificateRequest& request,
                                                const crypto::RsaKey& key, WallTime now);

// Contract CERT-9, ST-6: reads the key all mounts share; makes it (RSA-3072, 0400) under a file
// lock when missing or empty. `lock_path` lives in the state directory.
Result<crypto::RsaKey> loadOrCreatePrivateKey(const std::string& path, const std::string& lock_path,
                                              const Clock& clock);
inline constexpr const char* kPrivateKeyPath = "/etc/amazon/efs/privateKey.pem";

}  // namespace efs::identity
