// X.509 certificates: making self-signed ones and reading what stands in one.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "efs/base/clock.h"
#include "efs/base/result.h"
#include "efs/crypto/rsa_key.h"

namespace efs::crypto {

inline constexpr const char* kSubjectKeyIdentifierOid = "2.5.29.14";

struct CertificateExtension {
  std::string oid;    // dotted decimal
  std::string value;  // DER of the extension's value, without the OCTET STRING around it
  bool critical = false;
};

struct CertificateSpec {
  std::string common_name;  // UTF-8; the only part of subject and issuer
  WallTime not_before, not_after;
  std::uint64_t serial = 0;
  std::vector<CertificateExtension> extensions;  // written in this order
};

// X.509 v3, issuer = subject, signed with SHA-256; PEM. The finished signature is verified, so a
// damaged key is an error here and not a mystery at the server.
Result<std::string> makeSelfSignedCertificate(const CertificateSpec& spec, const RsaKey& key);

// What stands in a certificate; made from the parsed X.509, nothing is assumed.
struct CertificateFacts {
  int version = 0;          // 3 for X.509 v3
  std::string serial;       // upper-case hex, at least two digits
  std::string subject;      // "CN = host-a"
  std::string issuer;       // in the same form
  std::string subject_der;  // the whole Name
  WallTime not_before, not_after;
  std::string signature_algorithm;               // "RSA-SHA256"
  std::string public_key_sha1;                   // lower-case hex, of the public key's bit string
  std::vector<CertificateExtension> extensions;  // in file order
  bool self_signature_valid = false;             // verifies with the certificate's own public key
};
// The first certificate of the text. Errors name `name`.
Result<CertificateFacts> readCertificate(std::string_view pem, const std::string& name);

// The end of validity of the first certificate of the text.
Result<WallTime> certificateNotAfter(std::string_view pem, const std::string& name);

}  // namespace efs::crypto
