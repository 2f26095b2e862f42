// AWS Signature Version 4: the signature inside the client certificate (contract CERT-4 to CERT-6)
// and the signature of ordinary API requests.
#pragma once

#include <string>
#include <string_view>

#include "efs/aws/credentials.h"
#include "efs/base/clock.h"
#include "efs/base/result.h"
#include "efs/base/secret.h"
#include "efs/http/http_client.h"

namespace efs::aws {

// Where and when a signature is valid.
struct SigningScope {
  WallTime time;
  std::string region;
  std::string service;

  std::string date() const;      // "20260301"
  std::string dateTime() const;  // "20260301T120000Z"
  std::string text() const;      // "20260301/us-east-1/elasticfilesystem/aws4_request"
};

// The three steps of a signature, in the order in which they are made.
struct Signature {
  std::string canonical_request;
  std::string string_to_sign;
  std::string hex;  // 64 lower-case digits
};

// The signing key of one day, region and service: 32 raw bytes.
Result<Secret> deriveSigningKey(const Secret& secret_access_key, const SigningScope& scope);
Result<Signature> signCanonicalRequest(std::string canonical_request,
                                       const Secret& secret_access_key, const SigningScope& scope);

// The signature that authorises a TLS mount: a presigned "Connect" over the public key's hash
// (lower-case hex SHA-1). Its canonical request is not the standard one (CERT-5).
Result<Signature> signConnect(std::string_view public_key_sha1, std::string_view fs_id,
                              const Credentials& credentials, const SigningScope& scope);

// Adds X-Amz-Date, X-Amz-Security-Token (with temporary credentials) and Authorization. Every
// header already there is signed. The URL must be in its final, percent-encoded form, its path
// without empty, "." or ".." segments.
Result<Signature> signRequest(http::HttpRequest& request, const Credentials& credentials,
                              const SigningScope& scope);

// Percent-encoding of everything but letters, digits and "-_.~" and the characters of `also_safe`.
std::string uriEncode(std::string_view text, std::string_view also_safe = "");

}  // namespace efs::aws
