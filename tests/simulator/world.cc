#include "world.h"

#include <fcntl.h>
#include <sys/random.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "efs/base/files.h"
#include "efs/base/text.h"

namespace efs::simulator {

Result<std::string> randomHex(std::size_t bytes) {
  std::string raw(bytes, '\0');
  if (::getrandom(raw.data(), raw.size(), 0) != static_cast<ssize_t>(raw.size())) {
    return Error::fromErrno(errno, "getting random bytes");
  }
  return hex(raw);
}

World::World(Config config, const Clock& clock)
    : config_(std::move(config)),
      clock_(clock),
      file_systems_(config_.file_systems),
      identities_(config_.identities) {}

WallTime World::now() const {
  return clock_.now() + std::chrono::seconds(clock_offset_sec_.load());
}

FileSystem* World::findFileSystem(const std::string& fs_id) {
  const auto found = std::find_if(file_systems_.begin(), file_systems_.end(),
                                  [&](const FileSystem& fs) { return fs.id == fs_id; });
  return found == file_systems_.end() ? nullptr : &*found;
}

Policy World::policy(const std::string& fs_id) const {
  const std::lock_guard lock(mutex_);
  for (const auto& fs : file_systems_) {
    if (fs.id == fs_id) return fs.policy;
  }
  return {};
}

bool World::setDenyAll(const std::string& fs_id, bool on) {
  const std::lock_guard lock(mutex_);
  FileSystem* fs = findFileSystem(fs_id);
  if (fs != nullptr) fs->policy.deny_all = on;
  return fs != nullptr;
}

bool World::setRequireIam(const std::string& fs_id, bool on) {
  const std::lock_guard lock(mutex_);
  FileSystem* fs = findFileSystem(fs_id);
  if (fs != nullptr) fs->policy.require_iam = on;
  return fs != nullptr;
}

bool World::setRequireTls(const std::string& fs_id, bool on) {
  const std::lock_guard lock(mutex_);
  FileSystem* fs = findFileSystem(fs_id);
  if (fs != nullptr) fs->policy.require_tls = on;
  return fs != nullptr;
}

std::optional<Identity> World::identityOfKey(std::string_view access_key_id) const {
  const std::lock_guard lock(mutex_);
  for (const auto& identity : identities_) {
    if (identity.access_key_id == access_key_id) return identity;
  }
  return std::nullopt;
}

std::optional<Identity> World::instanceRole() const {
  const std::lock_guard lock(mutex_);
  for (auto identity = identities_.rbegin(); identity != identities_.rend(); ++identity) {
    if (!config_.imds.role.empty() && identity->role == config_.imds.role) return *identity;
  }
  return std::nullopt;
}

std::optional<Identity> World::identityOfRole(std::string_view role) const {
  const std::lock_guard lock(mutex_);
  for (auto identity = identities_.rbegin(); identity != identities_.rend(); ++identity) {
    if (!role.empty() && identity->role && *identity->role == role) return *identity;
  }
  return std::nullopt;
}

EndpointFault World::endpointFault(const std::string& endpoint) const {
  const std::lock_guard lock(mutex_);
  const auto found = endpoint_faults_.find(endpoint);
  return found == endpoint_faults_.end() ? EndpointFault() : found->second;
}

void World::setEndpointFault(const std::string& endpoint, const EndpointFault& fault) {
  const std::lock_guard lock(mutex_);
  endpoint_faults_[endpoint] = fault;
}

Status World::rotateCredentials(bool revoke) {
  const std::lock_guard lock(mutex_);
  std::vector<Identity> fresh;
  std::set<std::string> roles;
  for (auto old = identities_.rbegin(); old != identities_.rend(); ++old) {
    if (!old->role || !roles.insert(*old->role).second) continue;
    EFS_TRY(key, randomHex(8));
    EFS_TRY(secret, randomHex(20));
    EFS_TRY(token, randomHex(60));
    std::transform(key.begin(), key.end(), key.begin(),
                   [](char c) { return static_cast<char>(c >= 'a' ? c - 'a' + 'A' : c); });
    fresh.push_back({"ASIA" + key, secret, "tok/" + token + "+==", old->arn, old->role});
  }
  if (revoke) std::erase_if(identities_, [](const Identity& i) { return i.role.has_value(); });
  identities_.insert(identities_.end(), fresh.begin(), fresh.end());
  // Earlier keys need not be kept for ever; the newest 64 identities are more than any test uses.
  constexpr std::size_t kMostIdentities = 64;
  while (identities_.size() > kMostIdentities) {
    const auto oldest = std::find_if(identities_.begin(), identities_.end(),
                                     [](const Identity& i) { return i.role.has_value(); });
    if (oldest == identities_.end()) break;
    identities_.erase(oldest);
  }
  return {};
}

// "sts.us-east-1.amazonaws.com", "elasticfilesystem-fips.us-east-1.amazonaws.com".
bool World::isEndpoint(std::string_view name) const {
  const std::string zone = "." + toLower(config_.region) + "." + toLower(config_.dns_name_suffix);
  if (!name.ends_with(zone)) return false;
  std::string_view service = name.substr(0, name.size() - zone.size());
  if (service.ends_with("-fips")) service.remove_suffix(5);
  constexpr std::array<std::string_view, 6> kServices{"sts",  "portal.sso",        "oidc",
                                                      "logs", "elasticfilesystem", "ec2"};
  return std::find(kServices.begin(), kServices.end(), service) != kServices.end();
}

std::vector<std::string> World::addressesOf(std::string_view name) const {
  std::vector<std::string> addresses;
  for (const auto& fs : file_systems_) {
    for (const auto& target : fs.targets) {
      const std::string plain = fs.id + "." + toLower(zoneOf(config_, fs));
      const bool by_id = name == target.az_id + "." + plain;
      // As AWS: the regional name answers with the mount target of the asker's own AZ. S3 Files has
      // names by zone id alone.
      const bool match =
          by_id || (!fs.s3files && ((name == plain && target.az == config_.imds.az) ||
                                    name == target.az + "." + plain));
      if (match) addresses.push_back(target.ip);
    }
  }
  if (config_.names && isEndpoint(name)) addresses.push_back(config_.names->ip);
  const auto host = hosts_.find(std::string(name));
  if (host != hosts_.end()) addresses.push_back(host->second);
  return addresses;
}

DnsAnswer World::lookUp(std::string_view asked) const {
  constexpr std::size_t kMostLinks = 8;
  const std::lock_guard lock(mutex_);
  DnsAnswer answer;
  std::string name(asked);
  while (hidden_names_.count(name) == 0) {
    const auto alias = aliases_.find(name);
    if (alias == aliases_.end() || answer.aliases.size() >= kMostLinks) {
      answer.addresses = addressesOf(name);
      break;
    }
    answer.aliases.emplace_back(name, alias->second);
    name = alias->second;
  }
  answer.name_exists = !answer.addresses.empty();
  return answer;
}

void World::setAlias(const std::string& name, const std::string& target) {
  const std::lock_guard lock(mutex_);
  aliases_.erase(name);
  if (!target.empty()) aliases_[name] = target;
}

void World::setHost(const std::string& name, const std::string& ip) {
  const std::lock_guard lock(mutex_);
  hosts_.erase(name);
  if (!ip.empty()) hosts_[name] = ip;
}

std::optional<std::vector<TargetConfig>> World::targetsOf(const std::string& fs_id) const {
  const std::lock_guard lock(mutex_);
  for (const auto& fs : file_systems_) {
    if (fs.id == fs_id) return fs.targets;
  }
  return std::nullopt;
}

void World::hideName(const std::string& name, bool hidden) {
  const std::lock_guard lock(mutex_);
  if (hidden) {
    hidden_names_.insert(name);
  } else {
    hidden_names_.erase(name);
  }
}

void World::moveTarget(const std::string& fs_id, const std::string& az, const std::string& ip) {
  const std::lock_guard lock(mutex_);
  FileSystem* fs = findFileSystem(fs_id);
  if (fs == nullptr) return;
  for (auto& target : fs->targets) {
    if (target.az == az) target.ip = ip;
  }
}

void World::recordRefusal(std::string_view kind, const std::string& fs_id, const std::string& peer,
                          const Refusal& refusal) {
  const std::lock_guard lock(mutex_);
  const nlohmann::json line{{"time", utcText(now(), "%Y-%m-%dT%H:%M:%SZ")},
                            {"kind", kind},
                            {"fs", fs_id},
                            {"peer", peer},
                            {"field", refusal.field},
                            {"reason", printable(refusal.reason)}};
  last_refusal_ = line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  const std::string path = config_.work_dir + "/refusals.log";
  const UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  if (file.valid()) (void)writeAll(file.get(), last_refusal_ + "\n", path);
}

std::string World::lastRefusal() const {
  const std::lock_guard lock(mutex_);
  return last_refusal_;
}

}  // namespace efs::simulator
