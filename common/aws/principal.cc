#include "efs/aws/principal.h"

#include "efs/base/text.h"

namespace efs::aws {
namespace {

// Whether both know a part, and what it says.
enum class Likeness { kUnknown, kSame, kOther };

Likeness compare(const std::string& before, const std::string& now) {
  if (before.empty() || now.empty()) return Likeness::kUnknown;
  return before == now ? Likeness::kSame : Likeness::kOther;
}

// The ARN's last part: "role/path/web" and "assumed-role/web/session" are both "role/web".
std::string nameOf(const std::string& service, const std::string& resource) {
  const auto parts = split(resource, '/');
  if (service == "sts" && parts.size() >= 3 && parts[0] == "assumed-role") {
    return "role/" + parts[1];
  }
  const bool entity = service == "iam" && parts.size() >= 2 && !parts.back().empty() &&
                      (parts[0] == "role" || parts[0] == "user");
  if (entity) return parts[0] + "/" + parts.back();
  return resource == "root" ? resource : std::string();
}

bool isSame(const Principal& before, const Principal& now) {
  const Likeness account = compare(before.account, now.account);
  const Likeness name = compare(before.name, now.name);
  const Likeness key = compare(before.access_key_id, now.access_key_id);
  if (account == Likeness::kOther || name == Likeness::kOther) return false;
  if (name == Likeness::kSame || key == Likeness::kSame) return true;
  // An account alone has many principals; it decides only where nothing else was ever known.
  return key == Likeness::kUnknown && account == Likeness::kSame && before.name.empty() &&
         before.access_key_id.empty();
}

}  // namespace

std::string Principal::describe() const {
  if (!known()) return "an unknown identity";
  std::string text = name;
  if (!account.empty()) text += (text.empty() ? "" : " of ") + ("account " + account);
  if (!access_key_id.empty()) {
    text += (text.empty() ? "access key " : " with access key ") + access_key_id;
  }
  return printable(text, 300);
}

std::optional<Principal> principalOfArn(std::string_view arn) {
  // arn:partition:service::account:resource
  const auto parts = split(arn, ':');
  if (parts.size() != 6 || parts[0] != "arn" || parts[4].empty()) return std::nullopt;
  Principal principal;
  principal.account = parts[4];
  principal.name = nameOf(parts[2], parts[5]);
  if (principal.name.empty()) return std::nullopt;
  return principal;
}

Status checkSamePrincipal(const Principal& before, const Principal& now) {
  if (!before.known() || isSame(before, now)) return {};
  return Error(ErrorKind::kPermission, "the identity is no longer that of the mount, which is " +
                                           before.describe() + ": found " + now.describe())
      .addHint(
          "the certificate there is stays in use until it ends; put the credentials right, or "
          "unmount and mount again, or set allow_identity_change = true in section "
          "[mount-watchdog]");
}

Principal merged(const Principal& before, const Principal& now) {
  Principal result = now;
  if (!checkSamePrincipal(before, now)) return result;
  if (result.account.empty()) result.account = before.account;
  if (result.name.empty()) result.name = before.name;
  if (result.access_key_id.empty()) result.access_key_id = before.access_key_id;
  return result;
}

}  // namespace efs::aws
