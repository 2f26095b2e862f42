// All profiles of the two files, as the AWS CLI sees them: `[profile x]` (or `[default]`) of the
// config file and `[x]` of the credentials file are one profile, whose keys of the credentials file
// win; `[sso-session x]` and `[services x]` of the config file. Names are words of a shell, as in
// botocore; where two sections have one name the later one counts.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "efs/aws/credential_context.h"
#include "efs/aws/profile_file.h"
#include "efs/base/result.h"
#include "efs/base/secret.h"

namespace efs::aws {

class ProfileSet {
 public:
  // Files that are absent are empty, and so are those that cannot be read.
  static ProfileSet load(const CredentialContext& context);

  bool has(const std::string& profile) const;
  // An error where a section of the profile is broken: nobody knows what it should say.
  Status check(const std::string& profile) const;
  // Why a file is not here, for the message of a profile that is not found: ", (path) is a
  // directory"; empty where both files are here or absent.
  const std::string& unreadable() const { return unreadable_; }

  // Null when absent; the set owns the value.
  const Secret* find(const std::string& profile, const std::string& key) const;
  // Of one file only: keys that belong together are never taken from two.
  const Secret* findInCredentialsFile(const std::string& profile, const std::string& key) const;
  const Secret* findInConfigFile(const std::string& profile, const std::string& key) const;
  // What is not secret. nullopt when absent or empty.
  std::optional<std::string> text(const std::string& profile, const std::string& key) const;

  bool hasSession(const std::string& session) const { return sessions_.count(session) != 0; }
  const Secret* findInSession(const std::string& session, const std::string& key) const;
  Status checkSession(const std::string& session) const;

  // `environment`, and where it is silent what the profile says instead, as in botocore: FIPS and
  // dual-stack endpoints, endpoint_url and `services`, sts_regional_endpoints, the metadata
  // service's endpoint and mode, ca_bundle. `services` that are not there fail where one is asked
  // for: in place of its URL stands what is wrong, which endpointUrl() refuses.
  Environment settingsOf(const std::string& profile, const Environment& environment) const;

 private:
  using Names = std::map<std::string, std::string>;  // name -> section of the config file
  const Secret* findNamed(const Names& names, const std::string& name,
                          const std::string& key) const;
  Variables endpointsOf(const std::string& profile) const;

  ProfileFile credentials_;
  ProfileFile config_;
  std::string unreadable_;
  Names profiles_;
  Names sessions_;
  Names services_;
};

// kInvalidInput for a value that begins in the line below its key. botocore takes that for nested
// settings ("s3 =") and refuses it where it wants a text. nullptr (there is no value) is success.
Status refuseNested(const Secret* value, const char* key);

}  // namespace efs::aws
