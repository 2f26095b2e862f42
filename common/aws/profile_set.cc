#include "profile_set.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "efs/base/ini_scanner.h"
#include "efs/base/text.h"
#include "profile_loading.h"
#include "shell_words.h"

namespace efs::aws {
namespace {

// Variables that a profile may say instead.
constexpr std::array kTwins{
    std::pair{"AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint"},
    std::pair{"AWS_USE_DUALSTACK_ENDPOINT", "use_dualstack_endpoint"},
    std::pair{"AWS_STS_REGIONAL_ENDPOINTS", "sts_regional_endpoints"},
    std::pair{"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "ignore_configured_endpoint_urls"},
    std::pair{"AWS_CA_BUNDLE", "ca_bundle"},
    std::pair{"AWS_EC2_METADATA_SERVICE_ENDPOINT", "ec2_metadata_service_endpoint"},
    std::pair{"AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "ec2_metadata_service_endpoint_mode"},
    std::pair{"AWS_EC2_METADATA_V1_DISABLED", "ec2_metadata_v1_disabled"},
    std::pair{"AWS_IMDS_USE_IPV6", "imds_use_ipv6"},
};

// Names of services in a [services] section.
constexpr std::array kServices{
    std::pair{"sts", "AWS_ENDPOINT_URL_STS"},
    std::pair{"sso", "AWS_ENDPOINT_URL_SSO"},
    std::pair{"sso_oidc", "AWS_ENDPOINT_URL_SSO_OIDC"},
    std::pair{"efs", "AWS_ENDPOINT_URL_EFS"},
    std::pair{"ec2", "AWS_ENDPOINT_URL_EC2"},
    std::pair{"cloudwatch_logs", "AWS_ENDPOINT_URL_CLOUDWATCH_LOGS"},
};

// `profile x`, `profile "x y"`, `profile x\ y`: the name; nullopt for any other section.
std::optional<std::string> nameBehind(const std::string& section, std::string_view word) {
  if (!section.starts_with(word)) return std::nullopt;
  const auto words = splitShellWords(section);
  if (!words || words->size() != 2) return std::nullopt;
  return (*words)[1];
}

// The lines of a text, as Python's splitlines() has them: Unicode's ends of lines, too.
std::vector<std::string_view> linesOf(std::string_view text) {
  constexpr std::array<std::string_view, 10> kEnds{
      "\n", "\r", "\v", "\f", "\x1C", "\x1D", "\x1E", "\xC2\x85", "\xE2\x80\xA8", "\xE2\x80\xA9"};
  std::vector<std::string_view> lines;
  std::size_t begin = 0;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::find_if(kEnds.begin(), kEnds.end(), [&](std::string_view ending) {
      return text.substr(at).starts_with(ending);
    });
    if (end == kEnds.end()) {
      ++at;
      continue;
    }
    lines.push_back(text.substr(begin, at - begin));
    begin = at += end->size();
  }
  lines.push_back(text.substr(begin));
  return lines;
}

// The line "key = value" of a nested value, which begins below its key; kInvalidInput for one with
// other lines, which botocore refuses too.
Result<std::optional<std::string>> nestedValue(std::string_view block, std::string_view key) {
  std::optional<std::string> found;
  if (!block.starts_with('\n')) {
    return Error(ErrorKind::kInvalidInput, "it has no settings in lines below it");
  }
  for (const std::string_view line : linesOf(block)) {
    const auto equals = line.find('=');
    if (equals == std::string_view::npos && stripIni(line).empty()) continue;
    if (equals == std::string_view::npos) {
      return Error(ErrorKind::kInvalidInput, "a line below it has no \"=\"");
    }
    if (stripIni(line.substr(0, equals)) == key) found = stripIni(line.substr(equals + 1));
  }
  return found;
}

Status notBroken(const ProfileFile& file, const std::string& section) {
  const std::string* problem = file.problemOf(section);
  if (problem == nullptr) return {};
  return Error(ErrorKind::kInvalidInput, *problem);
}

}  // namespace

ProfileSet ProfileSet::load(const CredentialContext& context) {
  ProfileSet set;
  LoadedProfiles credentials = loadCredentialsFile(context);
  LoadedProfiles config = loadConfigFile(context);
  for (const auto* loaded : {&credentials, &config}) {
    if (!loaded->file && !loaded->absence.ends_with(" does not exist")) {
      set.unreadable_ += "; " + loaded->absence;
    }
  }
  if (credentials.file) set.credentials_ = std::move(*credentials.file);
  if (config.file) set.config_ = std::move(*config.file);
  for (const auto& section : set.config_.sections()) {
    if (section == "default") {
      set.profiles_[section] = section;
    } else if (const auto profile = nameBehind(section, "profile")) {
      set.profiles_[*profile] = section;
    } else if (const auto session = nameBehind(section, "sso-session")) {
      set.sessions_[*session] = section;
    } else if (const auto services = nameBehind(section, "services")) {
      set.services_[*services] = section;
    }
  }
  return set;
}

bool ProfileSet::has(const std::string& profile) const {
  return profiles_.count(profile) != 0 || credentials_.hasSection(profile);
}

Status ProfileSet::check(const std::string& profile) const {
  EFS_CHECK(notBroken(credentials_, profile));
  const auto section = profiles_.find(profile);
  return section == profiles_.end() ? Status() : notBroken(config_, section->second);
}

Status ProfileSet::checkSession(const std::string& session) const {
  const auto section = sessions_.find(session);
  return section == sessions_.end() ? Status() : notBroken(config_, section->second);
}

const Secret* ProfileSet::findInCredentialsFile(const std::string& profile,
                                                const std::string& key) const {
  return credentials_.find(profile, key);
}

const Secret* ProfileSet::findNamed(const Names& names, const std::string& name,
                                    const std::string& key) const {
  const auto section = names.find(name);
  return section == names.end() ? nullptr : config_.find(section->second, key);
}

const Secret* ProfileSet::findInConfigFile(const std::string& profile,
                                           const std::string& key) const {
  return findNamed(profiles_, profile, key);
}

const Secret* ProfileSet::find(const std::string& profile, const std::string& key) const {
  const Secret* value = credentials_.find(profile, key);
  return value != nullptr ? value : findInConfigFile(profile, key);
}

const Secret* ProfileSet::findInSession(const std::string& session, const std::string& key) const {
  return findNamed(sessions_, session, key);
}

std::optional<std::string> ProfileSet::text(const std::string& profile,
                                            const std::string& key) const {
  const Secret* value = find(profile, key);
  if (value == nullptr || value->empty()) return std::nullopt;
  return std::string(value->reveal());
}

Variables ProfileSet::endpointsOf(const std::string& profile) const {
  Variables urls;
  if (auto url = text(profile, "endpoint_url")) urls["AWS_ENDPOINT_URL"] = std::move(*url);
  const auto name = text(profile, "services");
  if (!name) return urls;
  const auto section = services_.find(*name);
  const std::string* broken =
      section == services_.end() ? nullptr : config_.problemOf(section->second);
  for (const auto& [service, variable] : kServices) {
    if (section == services_.end()) {
      urls[variable] = "there is no [services " + *name + "]";
    } else if (broken != nullptr) {
      urls[variable] = *broken;
    } else if (const Secret* block = config_.find(section->second, service)) {
      const auto url = nestedValue(block->reveal(), "endpoint_url");
      if (!url) {
        urls[variable] = service + (" of [services " + *name + "]: ") + url.error().message();
      } else if (*url && !(*url)->empty()) {
        urls[variable] = **url;
      }
    }
  }
  return urls;
}

Environment ProfileSet::settingsOf(const std::string& profile,
                                   const Environment& environment) const {
  Variables settings;
  // Any URL of the environment, the general one too, comes before those of the profile.
  if (!environment("AWS_ENDPOINT_URL")) settings = endpointsOf(profile);
  for (const auto& [variable, key] : kTwins) {
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

Status refuseNested(const Secret* value, const char* key) {
  if (value == nullptr || !value->reveal().starts_with('\n')) return {};
  return Error(ErrorKind::kInvalidInput,
               std::string(key) + ": its value does not begin in its own line")
      .addHint("write it behind the \"=\"");
}

}  // namespace efs::aws
