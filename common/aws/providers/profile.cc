#include <sys/stat.h>

#include <array>
#include <cerrno>

#include "../credential_values.h"
#include "efs/aws/profile_file.h"
#include "efs/base/log.h"
#include "efs/base/text.h"
#include "provider.h"

namespace efs::aws {
namespace {

constexpr const char* kAccessKeyId = "aws_access_key_id";
constexpr const char* kSecretAccessKey = "aws_secret_access_key";
constexpr const char* kSessionToken = "aws_session_token";

struct FileKind {
  const char* file;    // below the home directory
  const char* method;  // CRED-10
};
constexpr FileKind kCredentialsFile{"/.aws/credentials", "credentials"};
constexpr FileKind kConfigFile{"/.aws/config", "config"};

// nullopt when there is no such file; "/dev/null" as home of a system user is such a case.
Result<std::optional<ProfileFile>> loadIfPresent(const std::string& path) {
  auto file = ProfileFile::load(path);
  if (file) return std::optional<ProfileFile>(std::move(*file));
  const bool absent =
      file.error().kind() == ErrorKind::kNotFound || file.error().osError() == ENOTDIR;
  if (absent) return std::optional<ProfileFile>();
  return unexpected(std::move(file.error()));
}

void warnWhenExposed(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) == 0 && (info.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    log::warning(
        "{} holds credentials and is accessible to other users (mode {:04o}), run: chmod 600 {}",
        path, info.st_mode & 07777U, path);
  }
}

// Keys by which a profile asks for a role, a program or a log-in instead of giving keys.
const char* indirectKey(const ProfileFile& file, const std::string& section) {
  constexpr std::array kKeys{"role_arn",      "credential_process",     "credential_source",
                             "sso_session",   "sso_start_url",          "source_profile",
                             "login_session", "web_identity_token_file"};
  for (const char* key : kKeys) {
    if (file.find(section, key) != nullptr) return key;
  }
  return nullptr;
}

class ProfileProvider final : public CredentialProvider {
 public:
  ProfileProvider(std::string profile, ProfileFiles files)
      : profile_(std::move(profile)), files_(files) {}

  std::string name() const override { return "profile " + printable(profile_, 80); }

  Result<Attempt> find(const CredentialContext& context) const override {
    std::string outcome;
    std::optional<Error> indirect;
    for (const FileKind& kind : {kCredentialsFile, kConfigFile}) {
      if (skips(kind)) continue;
      const std::string path = context.home_directory + kind.file;
      EFS_TRY(file, loadIfPresent(path));
      if (!file) {
        addOutcome(outcome, path + " does not exist");
        continue;
      }
      EFS_TRY(attempt, look(*file, kind, path));
      if (attempt.credentials) return attempt;
      addOutcome(outcome, attempt.outcome);
      if (!indirect) indirect = indirection(*file, path);
    }
    if (indirect) return unexpected(std::move(*indirect));
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

  // The contract's third step, "assumed by botocore".
  std::optional<Error> indirection(const ProfileFile& file, const std::string& path) const {
    for (const std::string& section : {profile_, "profile " + profile_}) {
      if (const char* key = indirectKey(file, section)) {
        return unsupportedSource("key " + std::string(key) + " of [" + printable(section, 80) +
                                 "] of " + path);
      }
    }
    return std::nullopt;
  }

  std::string profile_;
  ProfileFiles files_;
};

class NoProfileProvider final : public CredentialProvider {
 public:
  std::string name() const override { return "profile"; }

  Result<Attempt> find(const CredentialContext& context) const override {
    const std::string home = context.home_directory;
    return Attempt{std::nullopt, std::string("none named, and no [default] with ") + kAccessKeyId +
                                     " in " + home + kCredentialsFile.file + " or " + home +
                                     kConfigFile.file};
  }
};

}  // namespace

ProviderPtr makeNoProfileProvider() { return std::make_unique<NoProfileProvider>(); }

ProviderPtr makeProfileProvider(std::string profile, ProfileFiles files) {
  return std::make_unique<ProfileProvider>(std::move(profile), files);
}

Result<bool> hasDefaultProfile(const CredentialContext& context) {
  for (const FileKind& kind : {kCredentialsFile, kConfigFile}) {
    EFS_TRY(file, loadIfPresent(context.home_directory + kind.file));
    if (file && file->find("default", kAccessKeyId) != nullptr) return true;
  }
  return false;
}

}  // namespace efs::aws
