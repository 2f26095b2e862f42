#include "profile_set.h"

#include <sys/stat.h>

#include <cerrno>

#include "efs/base/log.h"
#include "efs/base/text.h"

namespace efs::aws {
namespace {

std::string pathFrom(const CredentialContext& context, const char* variable, const char* name) {
  std::string path = context.environment(variable).value_or("");
  if (path.empty()) return context.home_directory + "/.aws/" + name;
  if (path.starts_with("~/")) return context.home_directory + path.substr(1);
  return context.absolute(path);
}

// `profile x` and `profile "x y"` give the name; nullopt for any other section.
std::optional<std::string> nameBehind(const std::string& section, std::string_view word) {
  std::string_view rest(section);
  if (!rest.starts_with(word)) return std::nullopt;
  rest.remove_prefix(word.size());
  if (rest.empty() || (rest.front() != ' ' && rest.front() != '\t')) return std::nullopt;
  rest = trim(rest);
  const bool quoted = rest.size() >= 2 && (rest.front() == '"' || rest.front() == '\'') &&
                      rest.back() == rest.front();
  if (quoted) {
    rest = rest.substr(1, rest.size() - 2);
  } else if (rest.find_first_of(" \t\"'") != std::string_view::npos) {
    return std::nullopt;
  }
  if (rest.empty()) return std::nullopt;
  return std::string(rest);
}

}  // namespace

std::string credentialsPath(const CredentialContext& context) {
  return pathFrom(context, "AWS_SHARED_CREDENTIALS_FILE", "credentials");
}

std::string configPath(const CredentialContext& context) {
  return pathFrom(context, "AWS_CONFIG_FILE", "config");
}

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

Result<ProfileSet> ProfileSet::load(const CredentialContext& context) {
  ProfileSet set;
  EFS_TRY(credentials, loadIfPresent(credentialsPath(context)));
  if (credentials) set.credentials_ = std::move(*credentials);
  EFS_TRY(config, loadIfPresent(configPath(context)));
  if (!config) return set;
  set.config_ = std::move(*config);
  for (const auto& section : set.config_.sections()) {
    if (section == "default") set.profiles_[section] = section;
    if (const auto name = nameBehind(section, "profile")) set.profiles_[*name] = section;
    if (const auto name = nameBehind(section, "sso-session")) set.sessions_[*name] = section;
  }
  return set;
}

bool ProfileSet::has(const std::string& profile) const {
  return profiles_.count(profile) != 0 || credentials_.hasSection(profile);
}

const Secret* ProfileSet::findInCredentialsFile(const std::string& profile,
                                                const std::string& key) const {
  return credentials_.find(profile, key);
}

const Secret* ProfileSet::find(const std::string& profile, const std::string& key) const {
  if (const Secret* value = credentials_.find(profile, key)) return value;
  const auto section = profiles_.find(profile);
  return section == profiles_.end() ? nullptr : config_.find(section->second, key);
}

const Secret* ProfileSet::findInSession(const std::string& session, const std::string& key) const {
  const auto section = sessions_.find(session);
  return section == sessions_.end() ? nullptr : config_.find(section->second, key);
}

Environment ProfileSet::settingsOf(const std::string& profile,
                                   const Environment& environment) const {
  std::map<std::string, std::string> settings;
  for (const auto& [variable, key] :
       {std::pair{"AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint"},
        std::pair{"AWS_USE_DUALSTACK_ENDPOINT", "use_dualstack_endpoint"}}) {
    if (auto value = text(profile, key)) settings.emplace(variable, std::move(*value));
  }
  if (settings.empty()) return environment;
  return [environment, settings](const std::string& name) {
    auto value = environment(name);
    const auto setting = settings.find(name);
    if (!value && setting != settings.end()) value = setting->second;
    return value;
  };
}

std::optional<std::string> ProfileSet::text(const std::string& profile,
                                            const std::string& key) const {
  const Secret* value = find(profile, key);
  if (value == nullptr || value->empty()) return std::nullopt;
  return std::string(value->reveal());
}

}  // namespace efs::aws
