#include "efs/identity/client_certificate.h"

#include <algorithm>
#include <chrono>

#include "efs/aws/sigv4.h"
#include "efs/base/text.h"
#include "efs/base/utf8.h"
#include "efs/crypto/certificate.h"
#include "efs/crypto/der.h"

namespace efs::identity {
namespace {

namespace der = crypto::der;

// CERT-1.
constexpr std::chrono::minutes kBackdating{15};
constexpr std::chrono::hours kValidity{3};
constexpr std::size_t kMaxCommonName = 64;  // characters: ub-common-name of RFC 5280

bool isCleanText(std::string_view text) {
  return isUtf8(text) && std::none_of(text.begin(), text.end(), isControl);
}

Status checkText(const char* what, std::string_view text) {
  if (text.empty()) {
    return Error(ErrorKind::kInvalidInput,
                 std::string("client certificate: ") + what + " is empty");
  }
  if (isCleanText(text)) return {};
  return Error(ErrorKind::kInvalidInput, std::string("client certificate: ") + what +
                                             " contains control characters or is not UTF-8");
}

Status checkClientInfo(const char* what, std::string_view text) {
  EFS_CHECK(checkText(what, text));
  if (text.size() <= kMaxClientInfoLength) return {};
  return Error(ErrorKind::kInvalidInput, std::string("client certificate: ") + what +
                                             " is longer than " +
                                             std::to_string(kMaxClientInfoLength) + " characters");
}

Status checkCredentials(const aws::Credentials& credentials) {
  EFS_CHECK(checkText("access key id", credentials.access_key_id));
  if (credentials.secret_access_key.empty()) {
    return Error(ErrorKind::kInvalidInput, "client certificate: secret access key is empty");
  }
  if (credentials.session_token && !credentials.session_token->empty()) {
    EFS_CHECK(checkText("session token", credentials.session_token->reveal()));
  }
  return {};
}

Status checkRequest(const CertificateRequest& request) {
  if (request.common_name.empty()) {
    return Error(ErrorKind::kInvalidInput, "client certificate: the host name is empty");
  }
  EFS_CHECK(checkText("file system id", request.fs_id));
  if (request.access_point) EFS_CHECK(checkText("access point id", *request.access_point));
  EFS_CHECK(checkClientInfo("client source", request.client_source));
  EFS_CHECK(checkClientInfo("client version", request.client_version));
  if (!request.credentials) return {};
  EFS_CHECK(checkText("region", request.region));
  EFS_CHECK(checkText("service", request.service));
  return checkCredentials(*request.credentials);
}

// The first 64 characters; a name that is not clean UTF-8 becomes ASCII with question marks.
std::string commonName(const std::string& host) {
  std::string name = isCleanText(host) ? host : printable(host, host.size());
  std::size_t characters = 0;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const bool starts_character = (static_cast<unsigned char>(name[i]) & 0xC0U) != 0x80U;
    if (starts_character && ++characters > kMaxCommonName) return name.substr(0, i);
  }
  return name;
}

// CERT-3.
Result<std::string> clientAuth(const CertificateRequest& request, const crypto::RsaKey& key,
                               WallTime now) {
  const aws::Credentials& credentials = *request.credentials;
  const aws::SigningScope scope{now, request.region, request.service};
  EFS_TRY(signature, aws::signConnect(key.publicKeySha1(), request.fs_id, credentials, scope));
  std::string content = der::utf8String(credentials.access_key_id) +
                        der::octetString(signature.hex) + der::utcTime(now);
  if (credentials.session_token && !credentials.session_token->empty()) {
    content += der::explicitTag(0, der::utf8String(credentials.session_token->reveal()));
  }
  return der::sequence(content);
}

// The 20 raw bytes of a SHA-1 in hex.
std::string unhex(const std::string& digits) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2) {
    const auto nibble = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
    bytes += static_cast<char>(nibble(digits[i]) * 16 + nibble(digits[i + 1]));
  }
  return bytes;
}

// CERT-2: the order is part of the contract.
Result<std::vector<crypto::CertificateExtension>> extensions(const CertificateRequest& request,
                                                             const crypto::RsaKey& key,
                                                             WallTime now) {
  std::vector<crypto::CertificateExtension> list;
  list.push_back({crypto::kSubjectKeyIdentifierOid, der::octetString(unhex(key.publicKeySha1()))});
  if (request.access_point)
    list.push_back({kAccessPointOid, der::utf8String(*request.access_point)});
  if (request.credentials) {
    EFS_TRY(auth, clientAuth(request, key, now));
    list.push_back({kClientAuthOid, std::move(auth)});
  }
  list.push_back({kFileSystemOid, der::utf8String(request.fs_id)});
  list.push_back({kClientInfoOid, der::sequence(der::utf8String(request.client_source) +
                                                der::utf8String(request.client_version))});
  return list;
}

}  // namespace

bool isAccessPointId(std::string_view text) {
  constexpr std::string_view kPrefix = "fsap-";
  constexpr std::size_t kDigits = 17;
  return text.size() == kPrefix.size() + kDigits && text.starts_with(kPrefix) &&
         text.find_first_not_of("0123456789abcdef", kPrefix.size()) == std::string_view::npos;
}

Result<ClientCertificate> makeClientCertificate(const CertificateRequest& request,
                                                const crypto::RsaKey& key, WallTime now) {
  EFS_CHECK(checkRequest(request));
  // AWS judges the times; where it told its own they are the ones that count.
  const auto skew = request.credentials ? request.credentials->clock_skew : std::chrono::seconds(0);
  const auto second = std::chrono::floor<std::chrono::seconds>(now + skew);
  crypto::CertificateSpec spec;
  spec.common_name = commonName(request.common_name);
  spec.not_before = second - kBackdating;
  spec.not_after = second + kValidity;
  spec.serial = request.serial;
  EFS_TRY(list, extensions(request, key, second));
  spec.extensions = std::move(list);
  EFS_TRY(pem, crypto::makeSelfSignedCertificate(spec, key));
  return ClientCertificate{std::move(pem), spec.not_before, spec.not_after};
}

}  // namespace efs::identity
