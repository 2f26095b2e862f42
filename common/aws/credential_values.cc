#include "credential_values.h"

#include <algorithm>

#include "aws_names.h"

namespace efs::aws {
namespace {

// Session tokens are some KiB; AWS names no limit.
constexpr std::size_t kMaxValue = 16384;

bool isAlphanumeric(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

Status check(const char* name, std::string_view value) {
  if (value.empty()) return Error(ErrorKind::kInvalidInput, std::string(name) + " is empty");
  if (value.size() <= kMaxValue && isVisibleAscii(value)) return {};
  return Error(
      ErrorKind::kInvalidInput,
      std::string(name) + " contains blanks or other characters that cannot be part of it");
}

}  // namespace

bool isHostLabel(std::string_view text) {
  return !text.empty() && text.size() <= 63 && std::all_of(text.begin(), text.end(), [](char c) {
    return isAlphanumeric(c) || c == '-';
  });
}

bool isRegionName(std::string_view text) {
  return isHostLabel(text) && text.front() != '-' && text.back() != '-' &&
         text.find_first_not_of("0123456789") != std::string_view::npos;
}

bool isVisibleAscii(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7F; });
}

bool isRoleName(std::string_view text) {
  constexpr std::string_view kOthers = "+=,.@_-";
  return !text.empty() && text.size() <= 128 && std::all_of(text.begin(), text.end(), [&](char c) {
    return isAlphanumeric(c) || kOthers.find(c) != std::string_view::npos;
  });
}

Result<Credentials> makeCredentials(std::string_view access_key_id,
                                    std::string_view secret_access_key,
                                    std::optional<std::string_view> session_token) {
  EFS_CHECK(check("the access key id", access_key_id));
  EFS_CHECK(check("the secret access key", secret_access_key));
  Credentials credentials;
  credentials.access_key_id = access_key_id;
  credentials.secret_access_key = Secret(secret_access_key);
  if (session_token && !session_token->empty()) {
    EFS_CHECK(check("the session token", *session_token));
    credentials.session_token = Secret(*session_token);
  }
  return credentials;
}

Status refuseEnded(const Credentials& credentials, const Clock& clock) {
  const bool ended = credentials.expiration && *credentials.expiration <= clock.now();
  if (!ended || credentials.method == "metadata:") return {};
  return Error(ErrorKind::kPermission, "the credentials of " + credentials.source + " ended at " +
                                           utcText(*credentials.expiration, "%Y-%m-%dT%H:%M:%SZ"))
      .addHint("is the clock of this machine right?");
}

}  // namespace efs::aws
