// Who signs: what stays the same for one identity while its keys change. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "efs/base/result.h"

namespace efs::aws {

// Each part is empty where unknown.
struct Principal {
  std::string account;        // twelve digits
  std::string name;           // "role/web-server", "user/backup", "sso-role/reader", "root"
  std::string access_key_id;  // of long-lived keys only: those of a session change by themselves

  bool known() const { return !account.empty() || !name.empty() || !access_key_id.empty(); }
  // "role/web-server of account 123456789012", "access key AKIA..."
  std::string describe() const;
};

// Of an IAM user or role or an assumed role, without path and session: the ARN of a role and that
// of its session give the same. nullopt for any other text.
std::optional<Principal> principalOfArn(std::string_view arn);

// kPermission unless `now` is provably `before`: no part that both know differs, and they share one
// of name and access key. Nothing known of `before` is no reason to refuse.
Status checkSamePrincipal(const Principal& before, const Principal& now);

// `now`, with what only `before` knows.
Principal merged(const Principal& before, const Principal& now);

}  // namespace efs::aws
