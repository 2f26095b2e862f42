#include <array>

#include "../credential_values.h"
#include "../profile_loading.h"
#include "efs/base/text.h"
#include "provider.h"

namespace efs::aws {
namespace {

constexpr const char* kAccessKeyId = "aws_access_key_id";
constexpr const char* kSecretAccessKey = "aws_secret_access_key";

struct FileKind {
  LoadedProfiles (*load)(const CredentialContext& context);
  const char* method;  // CRED-10
};
constexpr FileKind kCredentialsFile{&loadCredentialsFile, "credentials"};
constexpr FileKind kConfigFile{&loadConfigFile, "config"};

class ProfileProvider final : public CredentialProvider {
 public:
  ProfileProvider(std::string profile, ProfileFiles files)
      : profile_(std::move(profile)), files_(files) {}

  std::string name() const override { return "profile " + printable(profile_, 80); }

  Result<Attempt> find(const CredentialContext& context) const override {
    std::string outcome;
    for (const FileKind& kind : {kCredentialsFile, kConfigFile}) {
      if (skips(kind)) continue;
      const LoadedProfiles loaded = kind.load(context);
      if (loaded.silent) return *loaded.silent;
      if (!loaded.file) {
        addOutcome(outcome, loaded.absence);
        continue;
      }
      EFS_TRY(attempt, look(*loaded.file, kind, loaded.path));
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
    if (const auto* problem = file.problemOf(profile_)) {
      return Error(ErrorKind::kInvalidInput, *problem);
    }
    if (!file.hasSection(profile_)) return Attempt{{}, "no " + section + " in " + path};
    const Secret* id = file.find(profile_, kAccessKeyId);
    const Secret* secret = file.find(profile_, kSecretAccessKey);
    if (id == nullptr || secret == nullptr) {
      return Attempt{
          {},
          section + " of " + path + " has no " + (id == nullptr ? kAccessKeyId : kSecretAccessKey)};
    }
    const Secret* token = sessionTokenOf(file);
    EFS_TRY(credentials,
            makeCredentials(id->reveal(), secret->reveal(),
                            token == nullptr ? std::nullopt : std::optional(token->reveal()))
                .withContext(section + " of " + path));
    warnWhenExposed(path);
    credentials.method = std::string(kind.method) + ":" + profile_;
    credentials.source = "profile " + printable(profile_, 80) + " of " + path;
    return Attempt{std::move(credentials), ""};
  }

  // CRED-9; the older name is the one that botocore knew first.
  const Secret* sessionTokenOf(const ProfileFile& file) const {
    const Secret* token = file.find(profile_, "aws_session_token");
    return token != nullptr && !token->empty() ? token : file.find(profile_, "aws_security_token");
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
    const LoadedProfiles loaded = kind.load(context);
    if (loaded.silent) return *loaded.silent;
    if (!loaded.file) continue;
    // Whatever it should say: another identity must not take its place.
    if (const auto* problem = loaded.file->problemOf("default")) {
      return Error(ErrorKind::kInvalidInput, *problem);
    }
    if (loaded.file->find("default", kAccessKeyId) != nullptr) return true;
  }
  return false;
}

}  // namespace efs::aws
