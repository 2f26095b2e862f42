#include "vector_file.h"

#include <array>
#include <ctime>
#include <nlohmann/json.hpp>

#include "efs/base/files.h"
#include "efs/base/text.h"
#include "efs/crypto/certificate.h"

namespace efs::tools {
namespace {

using Json = nlohmann::json;

Error broken(const std::string& what) { return {ErrorKind::kInvalidInput, what}; }

Result<std::string> text(const Json& object, const char* field) {
  const auto found = object.find(field);
  if (found == object.end()) return broken(std::string("field \"") + field + "\" is missing");
  const auto* value = found->get_ptr<const std::string*>();
  if (value == nullptr || value->empty()) {
    return broken(std::string("field \"") + field + "\" is not a non-empty string");
  }
  return *value;
}

Result<std::optional<std::string>> textOrNull(const Json& object, const char* field) {
  const auto found = object.find(field);
  if (found == object.end()) return broken(std::string("field \"") + field + "\" is missing");
  if (found->is_null()) return std::optional<std::string>();
  EFS_TRY(value, text(object, field));
  return std::optional<std::string>(std::move(value));
}

Result<WallTime> utcTime(const std::string& value) {
  std::tm parts{};
  const char* end = strptime(value.c_str(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  const bool read = end != nullptr && *end == '\0';
  const auto time = std::chrono::system_clock::from_time_t(read ? timegm(&parts) : 0);
  // Going back to text catches a February 30th.
  if (!read || utcText(time, "%Y-%m-%dT%H:%M:%SZ") != value) {
    return broken("field \"utc\" is not a time such as 2026-03-01T12:00:00Z: " + printable(value));
  }
  return time;
}

std::string dottedOid(const std::string& name) {
  return name == "X509v3 Subject Key Identifier" ? crypto::kSubjectKeyIdentifierOid : name;
}

Status readExtensions(const Json& object, VectorCase& read) {
  const auto found = object.find("extension_value_hex");
  if (found == object.end() || !found->is_object() || found->empty()) {
    return broken("field \"extension_value_hex\" is missing or not a non-empty object");
  }
  for (const auto& [name, value] : found->items()) {
    const auto* digits = value.get_ptr<const std::string*>();
    if (digits == nullptr) return broken("extension " + printable(name) + " is not a string");
    read.extensions[dottedOid(name)] = toLower(*digits);
  }
  return {};
}

Status readX509(const Json& object, VectorCase& read) {
  const auto found = object.find("x509");
  if (found == object.end() || !found->is_array()) {
    return broken("field \"x509\" is missing or not an array");
  }
  for (const auto& line : *found) {
    const auto* value = line.get_ptr<const std::string*>();
    const auto equals = value == nullptr ? std::string::npos : value->find('=');
    if (equals == std::string::npos) return broken("field \"x509\" has an entry without \"=\"");
    if (!read.x509.emplace(value->substr(0, equals), value->substr(equals + 1)).second) {
      return broken("field \"x509\" names " + printable(value->substr(0, equals)) + " twice");
    }
  }
  constexpr std::array kNames{"notBefore", "notAfter", "subject", "issuer", "serial"};
  for (const char* name : kNames) {
    if (read.x509.count(name) == 0) return broken(std::string("field \"x509\" lacks ") + name);
  }
  if (read.x509.size() != kNames.size()) return broken("field \"x509\" has an unknown entry");
  return {};
}

Status readSignature(const Json& object, VectorCase& read) {
  if (read.access_key_id.has_value() != read.secret_access_key.has_value()) {
    return broken("only one of access_key_id and secret_access_key is given");
  }
  if (object.contains("public_key_sha1")) {
    EFS_TRY(hash, textOrNull(object, "public_key_sha1"));
    read.public_key_sha1 = std::move(hash);
  }
  if (!read.access_key_id) {
    for (const char* field : {"canonical_request", "string_to_sign", "signature"}) {
      if (object.contains(field) && !object[field].is_null()) {
        return broken(std::string("field \"") + field + "\" stands without credentials");
      }
    }
    return {};
  }
  EFS_TRY(hash, text(object, "public_key_sha1"));
  EFS_TRY(canonical_request, text(object, "canonical_request"));
  EFS_TRY(string_to_sign, text(object, "string_to_sign"));
  EFS_TRY(signature, text(object, "signature"));
  read.signature = SignatureExpectation{hash, canonical_request, string_to_sign, signature};
  return {};
}

Status readInputs(const Json& object, VectorCase& read) {
  EFS_TRY(utc, text(object, "utc"));
  EFS_TRY(time, utcTime(utc));
  EFS_TRY(access_key_id, textOrNull(object, "access_key_id"));
  EFS_TRY(secret_access_key, textOrNull(object, "secret_access_key"));
  EFS_TRY(session_token, textOrNull(object, "session_token"));
  EFS_TRY(region, text(object, "region"));
  EFS_TRY(file_system_id, text(object, "file_system_id"));
  EFS_TRY(access_point_id, textOrNull(object, "access_point_id"));
  EFS_TRY(client_source, text(object, "client_source"));
  EFS_TRY(client_version, text(object, "client_version"));
  EFS_TRY(common_name, text(object, "common_name"));
  read.time = time;
  read.access_key_id = std::move(access_key_id);
  read.secret_access_key = std::move(secret_access_key);
  read.session_token = std::move(session_token);
  read.region = std::move(region);
  read.file_system_id = std::move(file_system_id);
  read.access_point_id = std::move(access_point_id);
  read.client_source = std::move(client_source);
  read.client_version = std::move(client_version);
  read.common_name = std::move(common_name);
  return {};
}

Status readCase(const Json& object, VectorCase& read) {
  EFS_CHECK(readInputs(object, read));
  EFS_CHECK(readSignature(object, read));
  EFS_CHECK(readExtensions(object, read));
  return readX509(object, read);
}

Result<VectorFile> readCases(const Json& document) {
  if (!document.is_object()) return broken("not a JSON object");
  VectorFile file;
  EFS_TRY(key, text(document, "private_key_pem"));
  file.private_key_pem = std::move(key);
  const auto cases = document.find("cases");
  if (cases == document.end() || !cases->is_array()) {
    return broken("field \"cases\" is missing or not an array");
  }
  if (cases->empty()) return broken("field \"cases\" is empty, nothing would be checked");
  for (const auto& object : *cases) {
    const std::string where = "case " + std::to_string(file.cases.size() + 1);
    if (!object.is_object()) return broken(where + ": not a JSON object");
    VectorCase read;
    auto name = text(object, "name");
    if (!name) return unexpected(std::move(name.error().addContext(where)));
    read.name = *name;
    if (auto status = readCase(object, read); !status) {
      return unexpected(
          std::move(status.error().addContext(where + " (" + printable(*name) + ")")));
    }
    file.cases.push_back(std::move(read));
  }
  return file;
}

}  // namespace

Result<VectorFile> readVectorFile(const std::string& path) {
  EFS_TRY(bytes, readFile(path));
  const Json document = Json::parse(bytes, nullptr, false);
  if (document.is_discarded()) return broken(path + ": not valid JSON");
  return readCases(document).withContext(path);
}

}  // namespace efs::tools
