#include "efs/aws/credentials.h"

#include <pwd.h>
#include <unistd.h>

#include <array>
#include <vector>

#include "efs/base/text.h"
#include "providers/provider.h"

namespace efs::aws {
namespace {

// The anchor of contract section 19.
constexpr const char* kNotFound = "AWS Access Key ID and Secret Access Key are not found";
constexpr const char* kHint =
    "attach an IAM role to the instance, or run \"aws configure\" as the user that mounts, or "
    "mount "
    "without the option iam";

bool isSet(const std::optional<std::string>& text) { return text && !text->empty(); }

// Options that name a source of their own (CRED-1, CRED-2).
Status refuseUnsupportedOptions(const CredentialOptions& options) {
  if (isSet(options.credentials_uri)) return unsupportedSource("mount option awscredsuri");
  if (isSet(options.role_arn)) return unsupportedSource("mount option rolearn");
  if (isSet(options.jwt_path)) return unsupportedSource("mount option jwtpath");
  return {};
}

// CRED-3; nullopt when no profile is named and there is no usable [default].
Result<std::optional<std::string>> chooseProfile(const CredentialContext& context,
                                                 const CredentialOptions& options) {
  if (isSet(options.profile)) return options.profile;
  if (auto named = context.environment("AWS_PROFILE"); isSet(named)) return named;
  EFS_TRY(has_default, hasDefaultProfile(context));
  return has_default ? std::optional<std::string>("default") : std::nullopt;
}

// CRED-3 and CRED-4: a profile is final; without one, the rest of the list in contract order.
Result<std::vector<ProviderPtr>> chain(const CredentialContext& context,
                                       const CredentialOptions& options) {
  std::vector<ProviderPtr> providers;
  EFS_TRY(profile, chooseProfile(context, options));
  if (profile) {
    providers.push_back(makeProfileProvider(*profile, ProfileFiles::kBoth));
    return providers;
  }
  providers.push_back(makeNoProfileProvider());
  providers.push_back(makeContainerUriProvider());
  providers.push_back(makePodIdentityProvider());
  providers.push_back(makeWebIdentityProvider());
  providers.push_back(makeInstanceRoleProvider());
  return providers;
}

Error notFound(const CredentialContext& context, const std::vector<std::string>& tried) {
  std::string text = std::string(kNotFound) + ": " + join(tried, "; ");
  // CRED-6: people expect them to work, so say that they do not.
  if (isSet(context.environment("AWS_ACCESS_KEY_ID"))) {
    text += "; AWS_ACCESS_KEY_ID of the environment is never used for mounting";
  }
  Error error(ErrorKind::kNotFound, text);
  error.addHint(kHint);
  return error;
}

Result<Credentials> firstOf(const std::vector<ProviderPtr>& providers,
                            const CredentialContext& context) {
  std::vector<std::string> tried;
  for (const auto& provider : providers) {
    EFS_TRY(attempt, provider->find(context).withContext(kNotFound));
    if (attempt.credentials) return std::move(*attempt.credentials);
    tried.push_back(provider->name() + ": " + attempt.outcome);
  }
  return notFound(context, tried);
}

// CRED-10; an error for a word that no version ever wrote.
Result<ProviderPtr> providerOf(const std::string& kind, const std::string& argument) {
  if (kind == "credentials" && !argument.empty()) {
    return makeProfileProvider(argument, ProfileFiles::kCredentials);
  }
  if (kind == "config" && !argument.empty()) {
    return makeProfileProvider(argument, ProfileFiles::kConfig);
  }
  if (kind == "metadata") return makeInstanceRoleProvider();
  constexpr std::array kOthers{"named_profile", "ecs", "podidentity", "webidentity"};
  for (const char* other : kOthers) {
    if (kind == other) return unsupportedSource("credentials method " + kind);
  }
  return Error(ErrorKind::kInvalidInput,
               "unknown credentials method: " + printable(kind + ":" + argument, 80));
}

}  // namespace

Result<Credentials> findCredentials(const CredentialContext& context,
                                    const CredentialOptions& options) {
  EFS_CHECK(refuseUnsupportedOptions(options).withContext(kNotFound));
  auto providers = chain(context, options);
  if (!providers) return unexpected(std::move(providers.error().addContext(kNotFound)));
  return firstOf(*providers, context);
}

Result<Credentials> credentialsByMethod(const CredentialContext& context,
                                        const std::string& method) {
  const auto colon = std::min(method.find(':'), method.size());
  const std::string argument = colon < method.size() ? method.substr(colon + 1) : "";
  EFS_TRY(provider, providerOf(method.substr(0, colon), argument));
  std::vector<ProviderPtr> only;
  only.push_back(std::move(provider));
  return firstOf(only, context);
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
