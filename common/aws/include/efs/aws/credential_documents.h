// What the sources of credentials answer, as pure functions of the bytes: container endpoints, STS,
// IAM Identity Center, a credential_process. Messages name a missing field and never show a value.
//
// `method` and `source` of the credentials stay empty. `expiration` stays empty where the document
// has none; one that is not a time is kProtocol, except where noted.
#pragma once

#include <cstdint>
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
  // What a newer token can be had with; empty where the log-in cannot be refreshed.
  Secret refresh_token = {};
  Secret client_id = {};
  Secret client_secret = {};
  std::string registration_expires_at = {};  // as written
};
Result<SsoToken> parseSsoToken(std::string_view json);

// CreateToken of IAM Identity Center, asked at `now`. `refresh_token` stays empty where the answer
// has none; the client is not part of it.
Result<SsoToken> parseNewSsoToken(std::string_view json, WallTime now);

// GetRoleCredentials of IAM Identity Center.
Result<Credentials> parseSsoRoleCredentials(std::string_view json);

// The output of a credential_process, version 1.
Result<Credentials> parseProcessCredentials(std::string_view json);

// Times in the forms that botocore takes and AWS's tools write: ISO 8601 with "-", "/" or nothing
// between the parts of the date, "T" or blanks before the clock, seconds and their fraction or
// neither, and "Z", "UTC", "GMT" or an offset ("+01:00", "+0100", "+01"), in any case; or "Fri, 02
// Jan 2026 03:04:05 GMT", "20260102030405Z", and date(1)'s "Fri Jan  2 03:04:05 UTC 2026". A time
// without a zone is nullopt: botocore fails with one as well. Before 1970 is 1970, after 2200 is
// 2200.
std::optional<WallTime> parseAwsTime(std::string_view text);

// Seconds since 1970, within the same bounds.
WallTime clampedTime(std::int64_t seconds);

}  // namespace efs::aws
