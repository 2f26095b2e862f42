#include "profile_loading.h"

#include <pwd.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <set>
#include <vector>

#include "efs/aws/path_expansion.h"
#include "efs/base/log.h"

namespace efs::aws {
namespace {

constexpr const char* kCredentialsVariable = "AWS_SHARED_CREDENTIALS_FILE";
constexpr const char* kConfigVariable = "AWS_CONFIG_FILE";

std::string homeOf(const CredentialContext& context, const std::string& user) {
  if (user.empty()) return context.home_directory;
  std::vector<char> buffer(65536);
  struct passwd entry {};
  struct passwd* found = nullptr;
  if (::getpwnam_r(user.c_str(), &entry, buffer.data(), buffer.size(), &found) != 0) return {};
  return found == nullptr || found->pw_dir == nullptr ? "" : found->pw_dir;
}

std::string pathFrom(const CredentialContext& context, const char* variable, const char* name) {
  std::string path = context.environment(variable).value_or("");
  if (path.empty()) return context.home_directory + "/.aws/" + name;
  // mount(8) runs us without $HOME.
  path = expandVariables(path, [&](const std::string& wanted) {
    auto value = context.environment(wanted);
    if (!value && wanted == "HOME") value = context.home_directory;
    return value;
  });
  if (!path.starts_with('~')) return context.absolute(path);
  const auto slash = std::min(path.find('/'), path.size());
  const std::string home = homeOf(context, path.substr(1, slash - 1));
  return home.empty() ? context.absolute(path) : home + path.substr(slash);
}

// The files are read several times in a run; their faults are told once.
void warnOnce(const std::string& text) {
  static std::set<std::string> told;
  if (told.insert(text).second) log::warning("{}", text);
}

bool isAbsence(const Error& error) {
  return error.kind() == ErrorKind::kNotFound || error.osError() == ENOTDIR;
}

LoadedProfiles load(const CredentialContext& context, const char* variable, std::string path) {
  LoadedProfiles loaded{std::move(path), {}, {}, {}};
  auto file = ProfileFile::load(loaded.path);
  if (file) {
    for (const auto& problem : file->problems()) warnOnce(problem);
    loaded.file = std::move(*file);
  } else if (isAbsence(file.error())) {
    // "/dev/null" as home of a system user is such a case.
    loaded.absence = loaded.path + " does not exist";
    if (context.environment(variable)) {
      warnOnce(std::string("environment variable ") + variable + ": " + loaded.absence);
    }
  } else {
    const ErrorKind kind = file.error().kind();
    if (kind == ErrorKind::kTimeout || kind == ErrorKind::kCancelled) loaded.silent = file.error();
    loaded.absence = file.error().describe();
    warnOnce(loaded.absence + ": it is not used");
  }
  return loaded;
}

}  // namespace

std::string credentialsPath(const CredentialContext& context) {
  return pathFrom(context, kCredentialsVariable, "credentials");
}

std::string configPath(const CredentialContext& context) {
  return pathFrom(context, kConfigVariable, "config");
}

LoadedProfiles loadCredentialsFile(const CredentialContext& context) {
  return load(context, kCredentialsVariable, credentialsPath(context));
}

LoadedProfiles loadConfigFile(const CredentialContext& context) {
  return load(context, kConfigVariable, configPath(context));
}

void warnWhenExposed(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) == 0 && (info.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    log::warning(
        "{} holds credentials and is accessible to other users (mode {:04o}), run: chmod 600 {}",
        path, info.st_mode & 07777U, path);
  }
}

}  // namespace efs::aws
