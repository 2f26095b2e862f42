#include <algorithm>
#include <array>
#include <vector>

#include "../credential_values.h"
#include "../profile_loading.h"
#include "../sts.h"
#include "efs/aws/endpoints.h"
#include "efs/aws/region.h"
#include "efs/base/log.h"
#include "efs/base/text.h"
#include "profile_sources.h"
#include "provider.h"

namespace efs::aws {
namespace {

// Each link is a call of STS; loops are found by name before.
constexpr std::size_t kMaxChain = 100;
constexpr const char* kAccessKeyId = "aws_access_key_id";
constexpr const char* kSecretAccessKey = "aws_secret_access_key";

// sys.get_int_max_str_digits(), leading zeros included.
constexpr std::size_t kMostDigits = 4300;

std::string quoted(const std::string& profile) { return "profile " + printable(profile, 80); }

Error inProfile(const std::string& problem) { return {ErrorKind::kInvalidInput, problem}; }

// As Python's int() reads it: blanks around it, a sign, single underscores between digits, no more
// of them than kMostDigits. Without the leading zeros.
std::optional<std::string> pythonInteger(std::string_view text) {
  std::string digits(trim(text));
  const bool negative = digits.starts_with('-');
  if (negative || digits.starts_with('+')) digits.erase(0, 1);
  if (digits.starts_with('_') || digits.ends_with('_') || digits.find("__") != std::string::npos) {
    return std::nullopt;
  }
  digits = replaceAll(digits, "_", "");
  if (digits.empty() || digits.size() > kMostDigits ||
      digits.find_first_not_of("0123456789") != std::string::npos) {
    return std::nullopt;
  }
  digits.erase(0, std::min(digits.find_first_not_of('0'), digits.size() - 1));
  return negative ? "-" + digits : digits;
}

bool isBelow900(const std::string& integer) {
  return integer.starts_with('-') || integer.size() < 3 || (integer.size() == 3 && integer < "900");
}

// Walks from a profile to the keys behind it, in botocore's order of sources.
class ProfileResolver {
 public:
  ProfileResolver(const CredentialContext& context, const ProfileSet& profiles)
      : context_(context), profiles_(profiles) {}

  Result<Credentials> resolve(const std::string& profile) {
    const std::string what = quoted(profile);
    if (!profiles_.has(profile)) {
      return Error(ErrorKind::kNotFound, "there is no " + what + " in " + configPath(context_) +
                                             " or " + credentialsPath(context_) +
                                             profiles_.unreadable());
    }
    EFS_CHECK(profiles_.check(profile).withContext(what));
    const bool first = chain_.empty();
    chain_.push_back(profile);
    // Keys in a profile that is the source of another one win over its role_arn.
    const bool assumes = hasRole(profile) && (first || !hasKeys(profile));
    return (assumes ? assume(profile) : direct(profile)).withContext(what);
  }

 private:
  bool isGiven(const std::string& profile, const char* key) const {
    return profiles_.find(profile, key) != nullptr;
  }
  // nullopt for an empty one, too. Only what is looked at: the rest may be anything.
  Result<std::optional<std::string>> text(const std::string& profile, const char* key) const {
    EFS_CHECK(refuseNested(profiles_.find(profile, key), key));
    return profiles_.text(profile, key);
  }
  bool hasRole(const std::string& profile) const {
    return isGiven(profile, "role_arn") && !isGiven(profile, "web_identity_token_file");
  }
  bool hasKeys(const std::string& profile) const {
    return isGiven(profile, kAccessKeyId) || isGiven(profile, kSecretAccessKey);
  }
  // A session alone makes no log-in: it may be there for other programs.
  bool hasLogin(const std::string& profile) const {
    return isGiven(profile, "sso_role_name") || isGiven(profile, "sso_account_id");
  }

  Result<Credentials> direct(const std::string& profile) {
    EFS_TRY(file, text(profile, "web_identity_token_file"));
    if (file) return webIdentity(profile, *file);
    if (hasLogin(profile)) return credentialsOfSso(context_, profiles_, profile);
    if (profiles_.findInCredentialsFile(profile, kAccessKeyId) != nullptr) {
      return staticKeys(profile, &ProfileSet::findInCredentialsFile);
    }
    if (profiles_.text(profile, "login_session")) {
      return Error(ErrorKind::kUnsupported, "login_session is not supported")
          .addHint("use sso_session or credential_process");
    }
    if (!isGiven(profile, "credential_process")) {
      return staticKeys(profile, &ProfileSet::findInConfigFile);
    }
    EFS_TRY(command, text(profile, "credential_process"));
    EFS_TRY(credentials,
            credentialsOfProcess(context_, command.value_or("")).withContext("credential_process"));
    credentials.source = "credential_process of " + quoted(profile);
    return credentials;
  }

  using Finder = const Secret* (ProfileSet::*)(const std::string&, const std::string&) const;

  // All of one file, as botocore has it: halves of two key pairs make none.
  Result<Credentials> staticKeys(const std::string& profile, Finder finder) const {
    const auto find = [&](const char* key) { return (profiles_.*finder)(profile, key); };
    const Secret* id = find(kAccessKeyId);
    const Secret* secret = find(kSecretAccessKey);
    if (id == nullptr && secret == nullptr) {
      return inProfile(
          "there is no aws_access_key_id, and no role_arn, sso_account_id, web_identity_token_file "
          "or credential_process either");
    }
    if (id == nullptr) return inProfile("it has no aws_access_key_id");
    if (secret == nullptr) return inProfile("it has no aws_secret_access_key");
    const Secret* token = find("aws_security_token");
    if (token == nullptr) token = find("aws_session_token");
    EFS_TRY(credentials,
            makeCredentials(id->reveal(), secret->reveal(),
                            token == nullptr ? std::nullopt : std::optional(token->reveal())));
    credentials.source = "access key of " + quoted(profile);
    return credentials;
  }

  Result<Credentials> webIdentity(const std::string& profile, const std::string& file) {
    EFS_TRY(role, roleOf(profile));
    EFS_TRY(credentials, assumeRoleWithWebIdentity(context_, role, context_.absolute(file)));
    credentials.source = "web identity token " + printable(file, 200) + " of " + quoted(profile);
    return credentials;
  }

  Result<RoleRequest> roleOf(const std::string& profile) const {
    RoleRequest role;
    EFS_TRY(arn, text(profile, "role_arn"));
    if (!arn) return inProfile("web_identity_token_file without role_arn");
    role.role_arn = *arn;
    // What it may be called is for STS to say.
    EFS_TRY(name, text(profile, "role_session_name"));
    if (name) role.session_name = *name;
    return role;
  }

  // What only AssumeRole takes, and botocore looks at for it only.
  Status addConditions(const std::string& profile, RoleRequest& role) const {
    EFS_TRY(external_id, text(profile, "external_id"));
    role.external_id = std::move(external_id);
    EFS_TRY(duration, text(profile, "duration_seconds"));
    if (!duration) return {};
    const auto seconds = pythonInteger(*duration);
    if (seconds && isBelow900(*seconds)) return inProfile("duration_seconds is less than 900");
    if (seconds) {
      role.duration_seconds = *seconds;
    } else {
      log::warning("{}: duration_seconds is not a number: it is ignored", quoted(profile));
    }
    return {};
  }

  Result<Credentials> assume(const std::string& profile) {
    if (profiles_.text(profile, "mfa_serial")) {
      return Error(ErrorKind::kUnsupported,
                   "mfa_serial asks for a code, which nobody can type during a mount")
          .addHint("use a role that does not demand MFA, or a credential_process");
    }
    EFS_TRY(role, roleOf(profile));
    EFS_CHECK(addConditions(profile, role));
    EFS_TRY(source, sourceOf(profile));
    EFS_CHECK(refuseEnded(source, context_.clock));
    EFS_TRY(credentials, assumeRole(context_, role, source));
    credentials.source = quoted(profile) + " with " + source.source;
    return credentials;
  }

  Result<Credentials> sourceOf(const std::string& profile) {
    EFS_TRY(source_profile, text(profile, "source_profile"));
    EFS_TRY(credential_source, text(profile, "credential_source"));
    if (source_profile && credential_source) {
      return inProfile("both source_profile and credential_source are given");
    }
    if (!source_profile && !credential_source) {
      return inProfile("role_arn without source_profile or credential_source");
    }
    if (credential_source) return credentialsOfSource(context_, *credential_source);
    // A profile may name itself: then its own keys are the source.
    if (*source_profile == profile && hasKeys(profile)) return direct(profile);
    const bool seen = std::find(chain_.begin(), chain_.end(), *source_profile) != chain_.end();
    if (seen) {
      return inProfile("source_profile " + printable(*source_profile, 80) +
                       " leads back to itself: " + printable(join(chain_, " -> "), 300));
    }
    if (chain_.size() >= kMaxChain) return inProfile("the chain of source_profile is too long");
    return resolve(*source_profile);
  }

  const CredentialContext& context_;
  const ProfileSet& profiles_;
  std::vector<std::string> chain_;
};

Result<Attempt> resolveProfile(const CredentialContext& context, const ProfileSet& profiles,
                               const std::string& profile) {
  CredentialContext scoped = context;
  scoped.environment = profiles.settingsOf(profile, context.environment);
  // STS is asked where botocore would ask it; the mount's region serves where nothing says where.
  auto region = context.environment("AWS_DEFAULT_REGION");
  if (!region) region = profiles.text(profile, "region");
  if (region && *region != context.region) {
    const std::string doubt = regionDoubt(plainRegion(*region));
    if (!doubt.empty()) log::warning("{}: {}", quoted(profile), doubt);
    scoped.region = *region;
    scoped.dns_suffix.clear();  // that of the mount's region
  }
  EFS_TRY(credentials, ProfileResolver(scoped, profiles).resolve(profile));
  credentials.method = "named_profile:" + profile;
  return Attempt{std::move(credentials), ""};
}

class NamedProfileProvider final : public CredentialProvider {
 public:
  explicit NamedProfileProvider(std::string profile) : profile_(std::move(profile)) {}

  std::string name() const override { return quoted(profile_); }

  Result<Attempt> find(const CredentialContext& context) const override {
    const ProfileSet profiles = ProfileSet::load(context);
    auto attempt = resolveProfile(context, profiles, profile_);
    // Nothing was configured to fail: the list of what was looked at says more.
    if (!attempt && attempt.error().kind() == ErrorKind::kNotFound && !profiles.has(profile_)) {
      return Attempt{std::nullopt, attempt.error().message()};
    }
    return attempt;
  }

 private:
  std::string profile_;
};

class IndirectDefaultProvider final : public CredentialProvider {
 public:
  std::string name() const override { return "[default] without access keys"; }

  Result<Attempt> find(const CredentialContext& context) const override {
    constexpr std::array kKeys{"role_arn",      "credential_process", "sso_account_id",
                               "sso_role_name", "login_session",      "web_identity_token_file"};
    const ProfileSet profiles = ProfileSet::load(context);
    EFS_CHECK(profiles.check("default"));
    for (const char* key : kKeys) {
      if (profiles.text("default", key)) return resolveProfile(context, profiles, "default");
    }
    return Attempt{std::nullopt, "asks for no role, log-in or program"};
  }
};

}  // namespace

ProviderPtr makeNamedProfileProvider(std::string profile) {
  return std::make_unique<NamedProfileProvider>(std::move(profile));
}

ProviderPtr makeIndirectDefaultProvider() { return std::make_unique<IndirectDefaultProvider>(); }

}  // namespace efs::aws
