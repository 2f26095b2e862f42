// CertificateRequest: what a client certificate shall say; client_certificate.h makes it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "efs/aws/credentials.h"
#include "efs/base/file_system_kind.h"

namespace efs::identity {

// The key that all mounts of this host share (CERT-9, ST-6).
inline constexpr const char* kPrivateKeyPath = "/etc/amazon/efs/privateKey.pem";

struct CertificateRequest {
  std::string common_name;  // cut to 64 characters (CERT-1)
  std::string fs_id;
  std::optional<std::string> access_point;
  std::string region;
  std::optional<aws::Credentials> credentials;  // present = iam
  std::string service{factsOf(FileSystemKind::kEfs).service};
  std::string client_source = "unknown";
  std::string client_version;
  // CERT-1: 0 for the first certificate of a mount, one more for each renewal.
  std::uint64_t serial = 0;
};

}  // namespace efs::identity
