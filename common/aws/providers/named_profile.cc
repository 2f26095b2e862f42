#include <algorithm>
#include <array>
#include <vector>

#include "../credential_values.h"
#include "../sts.h"
#include "efs/base/text.h"
#include "profile_sources.h"
#include "provider.h"

namespace efs::aws {
namespace {

// Far longer than any chain of roles that works; loops are found by name before.
constexpr std::size_t kMaxChain = 16;

std::string quoted(const std::string& profile) { return "profile " + printable(profile, 80); }

Error inProfile(const std::string& problem) { return {ErrorKind::kInvalidInput, problem}; }

// What an STS session may be called: 2 to 64 of [A-Za-z0-9_+=,.@-].
bool isSessionName(std::string_view name) {
  constexpr std::string_view kOthers = "_+=,.@-";
  return name.size() >= 2 && name.size() <= 64 &&
         std::all_of(name.begin(), name.end(), [&](char c) {
           return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                  kOthers.find(c) != std::string_view::npos;
         });
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
                                             " or " + credentialsPath(context_));
    }
    const bool first = chain_.empty();
    chain_.push_back(profile);
    // Keys in a profile that is the source of another one win over its role_arn.
    const bool assumes = hasRole(profile) && (first || !hasKeys(profile));
    return (assumes ? assume(profile) : direct(profile)).withContext(what);
  }

 private:
  bool hasRole(const std::string& profile) const {
    return profiles_.text(profile, "role_arn") &&
           !profiles_.text(profile, "web_identity_token_file");
  }
  bool hasKeys(const std::string& profile) const {
    return profiles_.find(profile, "aws_access_key_id") != nullptr ||
           profiles_.find(profile, "aws_secret_access_key") != nullptr;
  }

  Result<Credentials> direct(const std::string& profile) {
    if (const auto file = profiles_.text(profile, "web_identity_token_file")) {
      return webIdentity(profile, *file);
    }
    for (const char* key : {"sso_session", "sso_start_url", "sso_role_name", "sso_account_id"}) {
      if (profiles_.text(profile, key)) return credentialsOfSso(context_, profiles_, profile);
    }
    const auto command = profiles_.text(profile, "credential_process");
    if (profiles_.findInCredentialsFile(profile, "aws_access_key_id") != nullptr || !command) {
      return staticKeys(profile);
    }
    EFS_TRY(credentials,
            credentialsOfProcess(context_, *command).withContext("credential_process"));
    credentials.source = "credential_process of " + quoted(profile);
    return credentials;
  }

  Result<Credentials> staticKeys(const std::string& profile) const {
    const Secret* id = profiles_.find(profile, "aws_access_key_id");
    const Secret* secret = profiles_.find(profile, "aws_secret_access_key");
    if (profiles_.text(profile, "login_session")) {
      return Error(ErrorKind::kUnsupported, "login_session is not supported")
          .addHint("use sso_session or credential_process");
    }
    if (id == nullptr && secret == nullptr) {
      return inProfile(
          "there is no aws_access_key_id, and no role_arn, sso_session, web_identity_token_file or "
          "credential_process either");
    }
    if (id == nullptr) return inProfile("it has no aws_access_key_id");
    if (secret == nullptr) return inProfile("it has no aws_secret_access_key");
    const Secret* token = profiles_.find(profile, "aws_session_token");
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
    const auto arn = profiles_.text(profile, "role_arn");
    if (!arn) return inProfile("web_identity_token_file without role_arn");
    role.role_arn = *arn;
    if (const auto name = profiles_.text(profile, "role_session_name")) {
      if (!isSessionName(*name)) return inProfile("role_session_name is not the name of a session");
      role.session_name = *name;
    }
    role.external_id = profiles_.text(profile, "external_id");
    role.duration_seconds = profiles_.text(profile, "duration_seconds");
    if (role.duration_seconds) {
      const auto seconds = parseInt(*role.duration_seconds);
      if (!seconds || *seconds < 900 || *seconds > 43200) {
        return inProfile("duration_seconds is not a number from 900 to 43200");
      }
    }
    return role;
  }

  Result<Credentials> assume(const std::string& profile) {
    if (profiles_.text(profile, "mfa_serial")) {
      return Error(ErrorKind::kUnsupported,
                   "mfa_serial asks for a code, which nobody can type during a mount")
          .addHint("use a role that does not demand MFA, or a credential_process");
    }
    EFS_TRY(role, roleOf(profile));
    EFS_TRY(source, sourceOf(profile));
    EFS_TRY(credentials, assumeRole(context_, role, source));
    credentials.source = quoted(profile) + " with " + source.source;
    return credentials;
  }

  Result<Credentials> sourceOf(const std::string& profile) {
    const auto source_profile = profiles_.text(profile, "source_profile");
    const auto credential_source = profiles_.text(profile, "credential_source");
    if (source_profile && credential_source) {
      return inProfile("both source_profile and credential_source are given");
    }
    if (!source_profile && !credential_source) {
      return inProfile("role_arn without source_profile or credential_source");
    }
    if (credential_source) return credentialsOfSource(context_, *credential_source);
    // A profile may name itself: then its own keys are the source.
    if (*source_profile == profile && hasKeys(profile)) return staticKeys(profile);
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
  EFS_TRY(credentials, ProfileResolver(scoped, profiles).resolve(profile));
  credentials.method = "named_profile:" + profile;
  return Attempt{std::move(credentials), ""};
}

class NamedProfileProvider final : public CredentialProvider {
 public:
  explicit NamedProfileProvider(std::string profile) : profile_(std::move(profile)) {}

  std::string name() const override { return quoted(profile_); }

  Result<Attempt> find(const CredentialContext& context) const override {
    EFS_TRY(profiles, ProfileSet::load(context));
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
    constexpr std::array kKeys{"role_arn",      "credential_process", "sso_session",
                               "sso_start_url", "login_session",      "web_identity_token_file"};
    EFS_TRY(profiles, ProfileSet::load(context));
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
