#include "tls_policy.h"

#include <openssl/err.h>

#include <string_view>
#include <vector>

#include "efs/base/text.h"
#include "tls_errors.h"

namespace efs::tls {
namespace {

// TLS 1.2 by key exchange and mode, TLS 1.3 by name (RFC 8446 appendix B.4).
constexpr const char* kCiphers = "ECDHE+AESGCM:ECDHE+CHACHA20";
constexpr const char* kSuites =
    "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256";
constexpr const char* kGroups = "X25519:P-256:P-384:P-521";
constexpr const char* kSignatures =
    "ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512:ed25519:RSA-PSS+SHA256:RSA-PSS+SHA384:RSA-PSS+SHA512:"
    "RSA+SHA256:RSA+SHA384:RSA+SHA512";
// FIPS 140-3: neither ChaCha20 nor the curves of RFC 7748.
constexpr const char* kFipsCiphers = "ECDHE+AESGCM";
constexpr const char* kFipsSuites = "TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256";
constexpr const char* kFipsGroups = "P-256:P-384:P-521";
constexpr const char* kFipsSignatures =
    "ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512:RSA-PSS+SHA256:RSA-PSS+SHA384:RSA-PSS+SHA512:"
    "RSA+SHA256:RSA+SHA384:RSA+SHA512";
// OpenSSL's: at least 112 bits, so RSA and DH of 2048 bits, and no SHA-1.
constexpr int kSecurityLevel = 2;

struct Choice {
  std::string ciphers;
  std::string suites;
};

Choice chosen(const TlsOptions& options) {
  Choice choice{options.fips ? kFipsCiphers : kCiphers, options.fips ? kFipsSuites : kSuites};
  std::vector<std::string> ciphers;
  std::vector<std::string> suites;
  for (const auto& part : split(options.ciphers, ':')) {
    const std::string name(trim(part));
    if (!name.empty()) (name.starts_with("TLS_") ? suites : ciphers).push_back(name);
  }
  // Each list alone: whoever names suites of TLS 1.3 has not forbidden TLS 1.2.
  if (!ciphers.empty()) choice.ciphers = join(ciphers, ":");
  if (!suites.empty()) choice.suites = join(suites, ":");
  return choice;
}

// OpenSSL refuses a list for one name that it does not have, as in FIPS mode by the host's
// openssl.cnf: "" when it has none of them.
template <typename Set>
std::string known(std::string_view list, Set set) {
  std::vector<std::string> names;
  for (const auto& part : split(list, ':')) {
    std::string name(part);
    if (set(name.c_str()) == 1) names.push_back(std::move(name));
  }
  ERR_clear_error();
  return join(names, ":");
}

Error refused(const char* what, const std::string& list) {
  return {ErrorKind::kInvalidInput,
          std::string("TLS ") + what + " \"" + printable(list) + "\": " + takeReason("not known")};
}

}  // namespace

Status applyPolicy(SSL_CTX* context, const TlsOptions& options) {
  const Choice choice = chosen(options);
  // Before the ciphers: openssl.cnf may have lowered it.
  SSL_CTX_set_security_level(context, kSecurityLevel);
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION);
  if (SSL_CTX_set_cipher_list(context, choice.ciphers.c_str()) != 1)
    return refused("ciphers", choice.ciphers);
  if (SSL_CTX_set_ciphersuites(context, choice.suites.c_str()) != 1)
    return refused("cipher suites", choice.suites);
  const auto set_groups = [&](const char* list) { return SSL_CTX_set1_groups_list(context, list); };
  const char* groups = options.fips ? kFipsGroups : kGroups;
  if (set_groups(known(groups, set_groups).c_str()) != 1) return refused("groups", groups);
  const auto set_signatures = [&](const char* list) {
    return SSL_CTX_set1_sigalgs_list(context, list);
  };
  const char* signatures = options.fips ? kFipsSignatures : kSignatures;
  if (set_signatures(known(signatures, set_signatures).c_str()) != 1)
    return refused("signatures", signatures);
  return {};
}

}  // namespace efs::tls
