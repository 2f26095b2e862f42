// Judges a client certificate by every field of contract section 17. Stricter than AWS: whatever
// the contract does not describe is refused.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "efs/base/clock.h"
#include "world.h"

namespace efs::simulator {

// Extension .7.2 (CERT-3).
struct ClientAuth {
  std::string access_key_id;
  std::string signature;  // 64 hexadecimal digits
  WallTime signed_at;
  std::optional<std::string> session_token;
};

// What a well-formed certificate claims; nothing in it is verified against the outside yet.
struct ClientClaim {
  std::string common_name;
  WallTime not_before;
  WallTime not_after;
  std::string public_key_sha1;  // hexadecimal
  std::optional<std::string> access_point_id;
  std::optional<ClientAuth> auth;
  std::string file_system_id;
  std::string source;
  std::string version;
};

template <typename T>
using Judged = tl::expected<T, Refusal>;

// Form, encodings, extension set, key, self-signature: all that needs no facts from outside.
Judged<ClientClaim> parseClientCertificate(std::string_view der);

struct CertificateRules {
  std::string file_system_id;
  std::string region;
  std::string service = "elasticfilesystem";  // that the signature must be for
  WallTime now;
  std::chrono::seconds max_skew{300};
  // Also demands that the signature is at most max_skew old: true only for fresh certificates, as
  // clients reconnect with one that may be three hours old.
  bool strict_skew = false;
  std::function<bool(const std::string& access_point_id)> knows_access_point;
  std::function<std::optional<Identity>(const std::string& access_key_id)> identity_of_key;
};

// Times, file system, access point, identity and signature. The result is the identity that
// signed, nullopt for a certificate without .7.2.
Judged<std::optional<Identity>> judgeClaim(const ClientClaim& claim, const CertificateRules& rules);

}  // namespace efs::simulator
