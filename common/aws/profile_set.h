// All profiles of the two files, as the AWS CLI sees them: `[profile x]` (or `[default]`) of the
// config file and `[x]` of the credentials file are one profile, whose keys of the credentials file
// win; `[sso-session x]` of the config file.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "efs/aws/credentials.h"
#include "efs/aws/profile_file.h"
#include "efs/base/result.h"
#include "efs/base/secret.h"

namespace efs::aws {

// $AWS_SHARED_CREDENTIALS_FILE and $AWS_CONFIG_FILE, else the files of the home directory (CRED-5).
std::string credentialsPath(const CredentialContext& context);
std::string configPath(const CredentialContext& context);

// nullopt when there is no such file; "/dev/null" as home of a system user is such a case.
Result<std::optional<ProfileFile>> loadIfPresent(const std::string& path);

// A line of the log when other users may read the file.
void warnWhenExposed(const std::string& path);

class ProfileSet {
 public:
  // Files that are absent are empty.
  static Result<ProfileSet> load(const CredentialContext& context);

  bool has(const std::string& profile) const;
  // Null when absent; the set owns the value.
  const Secret* find(const std::string& profile, const std::string& key) const;
  const Secret* findInCredentialsFile(const std::string& profile, const std::string& key) const;
  bool hasSession(const std::string& session) const { return sessions_.count(session) != 0; }
  const Secret* findInSession(const std::string& session, const std::string& key) const;

  // `environment`, and where it does not say AWS_USE_FIPS_ENDPOINT or AWS_USE_DUALSTACK_ENDPOINT
  // the profile's keys use_fips_endpoint and use_dualstack_endpoint, as in the SDKs.
  Environment settingsOf(const std::string& profile, const Environment& environment) const;

  // What is not secret. nullopt when absent or empty.
  std::optional<std::string> text(const std::string& profile, const std::string& key) const;

 private:
  ProfileFile credentials_;
  ProfileFile config_;
  // Name of a profile or session -> section of the config file.
  std::map<std::string, std::string> profiles_;
  std::map<std::string, std::string> sessions_;
};

}  // namespace efs::aws
