// Where the two files of profiles are, and reading them: nothing about them ends a mount by itself.
// A file that cannot be read is told once in a warning and counts as absent, as in botocore; so are
// its broken lines, and whoever needs a broken section asks ProfileFile::problemOf().
#pragma once

#include <optional>
#include <string>

#include "efs/aws/credential_context.h"
#include "efs/aws/profile_file.h"
#include "efs/base/error.h"

namespace efs::aws {

// $AWS_SHARED_CREDENTIALS_FILE and $AWS_CONFIG_FILE, else the files of the home directory (CRED-5).
// $NAME, ${NAME}, ~ and ~user are expanded, as botocore does.
std::string credentialsPath(const CredentialContext& context);
std::string configPath(const CredentialContext& context);

struct LoadedProfiles {
  std::string path;
  std::optional<ProfileFile> file;
  std::string absence;  // why there is no file: "/root/.aws/config is a directory"
  // Its file system does not answer: who knows whose credentials it would name? No other identity
  // may take its place.
  std::optional<Error> silent;
};
LoadedProfiles loadCredentialsFile(const CredentialContext& context);
LoadedProfiles loadConfigFile(const CredentialContext& context);

// A line of the log when other users may read the file.
void warnWhenExposed(const std::string& path);

}  // namespace efs::aws
