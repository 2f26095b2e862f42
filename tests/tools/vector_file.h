// The file of test vectors of the client certificate (contract sections 17 and 26): one private key
// and cases with inputs and expected values. Every field must be there; null stands for "none".
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "efs/base/clock.h"
#include "efs/base/result.h"

namespace efs::tools {

struct SignatureExpectation {
  std::string public_key_sha1, canonical_request, string_to_sign, signature;
};

struct VectorCase {
  std::string name;
  WallTime time;
  std::optional<std::string> access_key_id, secret_access_key, session_token;
  std::string region, file_system_id;
  std::optional<std::string> access_point_id;
  std::string client_source, client_version, common_name;
  std::optional<SignatureExpectation> signature;  // present exactly with an access key
  std::optional<std::string> public_key_sha1;     // may stand without a signature
  std::map<std::string, std::string> extensions;  // dotted OID -> hex of the value's DER
  std::map<std::string, std::string> x509;        // "notBefore" -> "Mar  1 11:45:00 2026 GMT"
};

struct VectorFile {
  std::string private_key_pem;
  std::vector<VectorCase> cases;  // never empty
};

Result<VectorFile> readVectorFile(const std::string& path);

}  // namespace efs::tools
