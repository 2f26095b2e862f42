// What the sources of credentials answer, as pure functions of the bytes: container endpoints, STS,
// IAM Identity Center, a credential_process. Messages name a missing field and never show a value.
//
// `method` and `source` of the credentials stay empty. `expiration` stays empty where the document
// has none; one that is not a time between 1970 and 2200 is kProtocol, except where noted.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "efs/aws/credentials.h"
#include "efs/base/clock.h"
#include "efs/base/result.h"
#include "efs/base/secret.h"

namespace efs::aws {

// ECS and EKS Pod Identity (CRED-9): AccessKeyId, SecretAccessKey, Token, Expiration, RoleArn.
Result<Credentials> parseContainerCredentials(std::string_view json);

// STS AssumeRole or AssumeRoleWithWebIdentity, XML or JSON; `arn` is that of AssumedRoleUser.
Result<Credentials> parseStsCredentials(std::string_view document);

// STS GetCallerIdentity, XML or JSON: the ARN.
Result<std::string> parseCallerIdentity(std::string_view document);

// "AccessDenied: <message>" of an error answer of STS (XML or JSON) or Identity Center (JSON);
// empty where there is no code. Printable, at most 400 bytes.
std::string serviceErrorText(std::string_view document);

// The cached log-in of IAM Identity Center: ~/.aws/sso/cache/<sha1>.json.
struct SsoToken {
  Secret access_token;
  WallTime expires;
};
Result<SsoToken> parseSsoToken(std::string_view json);

// GetRoleCredentials of IAM Identity Center.
Result<Credentials> parseSsoRoleCredentials(std::string_view json);

// The output of a credential_process, version 1.
Result<Credentials> parseProcessCredentials(std::string_view json);

// ISO 8601 as AWS writes it: "2026-01-02T03:04:05Z", with a fraction, "UTC" or an offset
// ("+00:00"). nullopt for anything else and outside 1970 to 2200.
std::optional<WallTime> parseAwsTime(std::string_view text);

}  // namespace efs::aws
