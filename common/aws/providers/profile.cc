#include <array>

#include "../credential_values.h"
#include "../profile_set.h"
#include "efs/base/text.h"
#include "provider.h"

namespace efs::aws {
namespace {

constexpr const char* kAccessKeyId = "aws_access_key_id";
constexpr const char* kSecretAccessKey = "aws_secret_access_key";
constexpr const char* kSessionToken = "aws_session_token";

struct FileKind {
  std::string (*path)(const CredentialContext& context);
  const char* method;  // CRED-10
};
constexpr FileKind kCredentialsFile{&credentialsPath, "credentials"};
constexpr FileKind kConfigFile{&configPath, "config"};

class ProfileProvider final : public CredentialProvider {
 public:
  ProfileProvider(std::string profile, ProfileFiles files)
      : profile_(std::move(profile)), files_(files) {}

  std::string name() const override { return "profile " + printable(profile_, 80); }

  Result<Attempt> find(const CredentialContext& context) const override {
    std::string outcome;
    for (const FileKind& kind : {kCredentialsFile, kConfigFile}) {
      if (skips(kind)) continue;
      const std::string path = kind.path(context);
      EFS_TRY(file, loadIfPresent(path));
      if (!file) {
        addOutcome(outcome, path + " does not exist");
        continue;
      }
      EFS_TRY(attempt, look(*file, kind, path));
      if (attempt.credentials) return attempt;
      addOutcome(outcome, attempt.outcome);
    }
    return Attempt{std::nullopt, outcome};
  }

 private:
  static void addOutcome(std::string& outcomes, const std::string& next) {
    outcomes += (outcomes.empty() ? "" : ", ") + next;
  }

  bool skips(const FileKind& kind) const {
    const auto only = std::string_view(kind.method) == kConfigFile.method
                          ? ProfileFiles::kConfig
                          : ProfileFiles::kCredentials;
    return files_ != ProfileFiles::kBoth && files_ != only;
  }

  Result<Attempt> look(const ProfileFile& file, const FileKind& kind,
                       const std::string& path) const {
    const std::string section = "[" + printable(profile_, 80) + "]";
    if (!file.hasSection(profile_)) return Attempt{{}, "no " + section + " in " + path};
    const Secret* id = file.find(profile_, kAccessKeyId);
    const Secret* secret = file.find(profile_, kSecretAccessKey);
    if (id == nullptr || secret == nullptr) {
      return Attempt{
          {},
          section + " of " + path + " has no " + (id == nullptr ? kAccessKeyId : kSecretAccessKey)};
    }
    const Secret* token = file.find(profile_, kSessionToken);
    EFS_TRY(credentials,
            makeCredentials(id->reveal(), secret->reveal(),
                            token == nullptr ? std::nullopt : std::optional(token->reveal()))
                .withContext(section + " of " + path));
    warnWhenExposed(path);
    credentials.method = std::string(kind.method) + ":" + profile_;
    credentials.source = "profile " + printable(profile_, 80) + " of " + path;
    return Attempt{std::move(credentials), ""};
  }

  std::string profile_;
  ProfileFiles files_;
};

class NoProfileProvider final : public CredentialProvider {
 public:
  std::string name() const override { return "profile"; }

  Result<Attempt> find(const CredentialContext& context) const override {
    return Attempt{std::nullopt, std::string("none named, and no [default] with ") + kAccessKeyId +
                                     " in " + credentialsPath(context) + " or " +
                                     configPath(context)};
  }
};

}  // namespace

ProviderPtr makeNoProfileProvider() { return std::make_unique<NoProfileProvider>(); }

ProviderPtr makeProfileProvider(std::string profile, ProfileFiles files) {
  return std::make_unique<ProfileProvider>(std::move(profile), files);
}

Result<bool> hasDefaultProfile(const CredentialContext& context) {
  for (const FileKind& kind : {kCredentialsFile, kConfigFile}) {
    EFS_TRY(file, loadIfPresent(kind.path(context)));
    if (file && file->find("default", kAccessKeyId) != nullptr) return true;
  }
  return false;
}

}  // namespace efs::aws
