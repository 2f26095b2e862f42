#include "efs/aws/credential_chain.h"

#include <pwd.h>
#include <unistd.h>

#include <vector>

#include "credential_values.h"
#include "efs/base/log.h"
#include "efs/base/text.h"
#include "profile_loading.h"
#include "profile_set.h"
#include "providers/provider.h"
#include "sts.h"

namespace efs::aws {
namespace {

// The anchor of contract section 19.
constexpr const char* kNotFound = "AWS Access Key ID and Secret Access Key are not found";
constexpr const char* kHint =
    "attach an IAM role to the instance, or run \"aws configure\" as the user that mounts, or "
    "mount "
    "without the option iam";

constexpr const char* kNoFallHint =
    "no other source is tried, because it might be another identity; credential_fallthrough = true "
    "in section [mount] of the config file tries the next one";

constexpr Duration kCallerPatience{3000};

bool isSet(const std::optional<std::string>& text) { return text && !text->empty(); }

// CRED-3; nullopt when no profile is named and there is no usable [default].
Result<std::optional<std::string>> chooseProfile(const CredentialContext& context,
                                                 const CredentialOptions& options) {
  if (isSet(options.profile)) return options.profile;
  if (auto named = context.environment("AWS_PROFILE"); isSet(named)) return named;
  const auto has_default = hasDefaultProfile(context);
  if (!has_default && !context.fall_through) return unexpected(Error(has_default.error()));
  if (!has_default) {
    log::warning("{}: going on to the next source of credentials (credential_fallthrough)",
                 has_default.error().describe());
  }
  return has_default && *has_default ? std::optional<std::string>("default") : std::nullopt;
}

// Options rolearn and jwtpath, which name a source only together.
Result<bool> hasRoleOptions(const CredentialContext& context, const CredentialOptions& options) {
  const bool role = isSet(options.role_arn);
  const bool token = isSet(options.jwt_path);
  if (role == token) return role;
  const std::string text = std::string("mount option ") + (role ? "rolearn" : "jwtpath") +
                           " is given without " + (role ? "jwtpath" : "rolearn");
  if (!context.fall_through) return Error(ErrorKind::kInvalidInput, text);
  log::warning("{}: it is ignored", text);
  return false;
}

// CRED-4, and CRED-2 with `role`.
void addEnvironmentSources(const CredentialContext& context, const CredentialOptions& options,
                           bool role, std::vector<ProviderPtr>& providers) {
  providers.push_back(makeContainerEnvironmentProvider());
  providers.push_back(makePodIdentityEnvironmentProvider());
  if (role) providers.push_back(makeWebIdentityProvider(*options.role_arn, *options.jwt_path));
  providers.push_back(makeWebIdentityEnvironmentProvider());
  // amazon-efs-utils does not see such a [default] and takes the instance role: another identity
  // than the one that the AWS CLI would take.
  if (!role && !context.fall_through) providers.push_back(makeIndirectDefaultProvider());
  providers.push_back(makeInstanceRoleProvider());
}

// A source that names itself in an option or a profile is final: `only`. Without one, the
// environment's sources in contract order.
struct Chain {
  std::vector<ProviderPtr> providers;
  bool only = false;
};

Result<Chain> makeChain(const CredentialContext& context, const CredentialOptions& options) {
  Chain chain;
  if (isSet(options.credentials_uri)) {  // CRED-1
    chain.only = true;
    chain.providers.push_back(makeContainerUriProvider(*options.credentials_uri));
    return chain;
  }
  EFS_TRY(role, hasRoleOptions(context, options));
  if (role) {
    if (isSet(options.profile)) {
      log::warning("mount option awsprofile is ignored: rolearn and jwtpath are given");  // CRED-2
    }
    addEnvironmentSources(context, options, role, chain.providers);
    return chain;
  }
  EFS_TRY(profile, chooseProfile(context, options));
  if (profile) {
    chain.only = true;
    chain.providers.push_back(makeProfileProvider(*profile, ProfileFiles::kBoth));
    chain.providers.push_back(makeNamedProfileProvider(*profile));
    return chain;
  }
  chain.providers.push_back(makeNoProfileProvider());
  addEnvironmentSources(context, options, role, chain.providers);
  return chain;
}

// What looks like a source of credentials, and is none by the contract (CRED-3, CRED-4, CRED-6):
// people expect it to work, so say that it does not.
std::vector<std::string> ignoredSources(const CredentialContext& context, const Chain& chain) {
  std::vector<std::string> ignored;
  if (isSet(context.environment("AWS_ACCESS_KEY_ID"))) {
    ignored.emplace_back("AWS_ACCESS_KEY_ID of the environment is never used for mounting");
  }
  if (chain.only) return ignored;
  if (isSet(context.environment("AWS_DEFAULT_PROFILE")) &&
      !isSet(context.environment("AWS_PROFILE"))) {
    ignored.emplace_back("AWS_DEFAULT_PROFILE is not read, only AWS_PROFILE");
  }
  if (isSet(context.environment("AWS_CONTAINER_AUTHORIZATION_TOKEN"))) {
    ignored.emplace_back(
        "AWS_CONTAINER_AUTHORIZATION_TOKEN is not read, only "
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
  }
  if (ProfileSet::load(context).findInConfigFile("default", "aws_access_key_id") != nullptr) {
    ignored.push_back("the keys of [profile default] in " + configPath(context) +
                      " are not read, only those of [default]");
  }
  return ignored;
}

void warnOfIgnored(const CredentialContext& context, const Chain& chain,
                   const Credentials& credentials) {
  // credential_source = Environment uses them after all.
  if (credentials.source.ends_with(kEnvironmentKeySource)) return;
  const auto ignored = ignoredSources(context, chain);
  if (ignored.empty()) return;
  log::warning("{}; the mount signs with {}", join(ignored, "; "), credentials.source);
}

Error notFound(const CredentialContext& context, const Chain& chain,
               std::vector<std::string> tried) {
  for (auto& ignored : ignoredSources(context, chain)) tried.push_back(std::move(ignored));
  Error error(ErrorKind::kNotFound, std::string(kNotFound) + ": " + join(tried, "; "));
  error.addHint(kHint);
  return error;
}

Result<Attempt> findUsable(const CredentialProvider& provider, const CredentialContext& context) {
  EFS_TRY(attempt, provider.find(context));
  if (attempt.credentials) EFS_CHECK(refuseEnded(*attempt.credentials, context.clock));
  return attempt;
}

Result<Credentials> firstOf(const Chain& chain, const CredentialContext& context) {
  std::vector<std::string> tried;
  for (const auto& provider : chain.providers) {
    auto attempt = findUsable(*provider, context);
    if (!attempt) {
      Error error = std::move(attempt.error());
      // A profile's own name is in its message already.
      if (!error.message().starts_with(provider->name())) error.addContext(provider->name());
      if (chain.only || !context.fall_through) {
        if (!chain.only) error.addHint(kNoFallHint);
        return unexpected(std::move(error.addContext(kNotFound)));
      }
      log::warning("{}: going on to the next source of credentials (credential_fallthrough)",
                   error.describe());
      tried.push_back(error.message());
      continue;
    }
    if (attempt->credentials) return std::move(*attempt->credentials);
    tried.push_back(provider->name() + ": " + attempt->outcome);
  }
  return notFound(context, chain, std::move(tried));
}

// "a,b": role names may contain commas, the paths behind them begin with "/".
std::optional<std::pair<std::string, std::string>> splitArguments(const std::string& text) {
  auto comma = text.find(",/");
  if (comma == std::string::npos) comma = text.find(',');
  if (comma == std::string::npos || comma == 0 || comma + 1 == text.size()) return std::nullopt;
  return std::pair{text.substr(0, comma), text.substr(comma + 1)};
}

// CRED-10; an error for a word that no version ever wrote.
Result<ProviderPtr> providerOf(const std::string& kind, const std::string& argument) {
  if (kind == "metadata") return makeInstanceRoleProvider();
  if (kind == "credentials" && !argument.empty()) {
    return makeProfileProvider(argument, ProfileFiles::kCredentials);
  }
  if (kind == "config" && !argument.empty()) {
    return makeProfileProvider(argument, ProfileFiles::kConfig);
  }
  if (kind == "named_profile" && !argument.empty()) return makeNamedProfileProvider(argument);
  if (kind == "ecs" && !argument.empty()) return makeContainerUriProvider(argument);
  const auto pair = splitArguments(argument);
  if (kind == "podidentity" && pair) return makePodIdentityProvider(pair->first, pair->second);
  if (kind == "webidentity" && pair) return makeWebIdentityProvider(pair->first, pair->second);
  return Error(ErrorKind::kInvalidInput,
               "unknown credentials method: " + printable(kind + ":" + argument, 80));
}

}  // namespace

Result<Credentials> findCredentials(const CredentialContext& context,
                                    const CredentialOptions& options) {
  EFS_TRY(chain, makeChain(context, options).withContext(kNotFound));
  EFS_TRY(credentials, firstOf(chain, context));
  warnOfIgnored(context, chain, credentials);
  return credentials;
}

Environment apiEnvironment(const CredentialContext& context, const CredentialOptions& options) {
  const auto named = isSet(options.profile) ? options.profile : context.environment("AWS_PROFILE");
  return ProfileSet::load(context).settingsOf(isSet(named) ? *named : "default",
                                              context.environment);
}

Result<Credentials> credentialsByMethod(const CredentialContext& context,
                                        const std::string& method) {
  const auto colon = std::min(method.find(':'), method.size());
  const std::string argument = colon < method.size() ? method.substr(colon + 1) : "";
  EFS_TRY(provider, providerOf(method.substr(0, colon), argument));
  Chain chain;
  chain.only = true;
  chain.providers.push_back(std::move(provider));
  return firstOf(chain, context);
}

std::string CredentialContext::absolute(const std::string& path) const {
  if (directory.empty() || path.empty() || path.front() == '/') return path;
  return directory + "/" + path;
}

Principal principalOf(const Credentials& credentials) {
  Principal principal = credentials.principal;
  if (const auto named = principalOfArn(credentials.arn)) principal = *named;
  // Keys of a session change each hour and say nothing.
  if (!credentials.session_token) principal.access_key_id = credentials.access_key_id;
  return principal;
}

Principal askPrincipal(const CredentialContext& context, const Credentials& credentials) {
  CredentialContext once = context;
  once.patience.tries = 1;
  once.patience.request_timeout = kCallerPatience;
  const auto arn = callerArn(once, credentials);
  if (!arn) log::debug("the owner of the access key is unknown: {}", arn.error().describe());
  Principal principal = principalOf(credentials);
  const auto named = principalOfArn(arn.value_or(std::string()));
  if (!named) return principal;
  return {named->account, named->name, principal.access_key_id};
}

Result<std::string> homeDirectoryOf(uid_t uid) {
  // 64 KiB is far more than any password entry; sysconf(3) only suggests a size.
  std::vector<char> buffer(65536);
  struct passwd entry {};
  struct passwd* found = nullptr;
  const int err = ::getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found);
  if (err != 0) return Error::fromErrno(err, "reading the password file");
  if (found == nullptr || found->pw_dir == nullptr || *found->pw_dir == '\0') {
    return Error(ErrorKind::kNotFound,
                 "user " + std::to_string(uid) + " has no home directory in the password file");
  }
  return std::string(found->pw_dir);
}

}  // namespace efs::aws
