#include "facts/fact_finder.h"

#include <unistd.h>

#include <array>
#include <filesystem>
#include <random>

#include "efs/aws/credential_chain.h"
#include "efs/aws/endpoints.h"
#include "efs/aws/mount_targets.h"
#include "efs/aws/remembered_environment.h"
#include "efs/aws/token_memory.h"
#include "efs/base/environment.h"
#include "efs/base/log.h"
#include "efs/base/nfs_port.h"
#include "efs/base/random.h"
#include "efs/base/text.h"
#include "efs/base/wait.h"
#include "efs/net/hosts_file.h"

namespace efs::mount_helper {
namespace {

constexpr Duration kResolvePatience{5000};
constexpr int kRegionTries = 4;
// Where the region is known the metadata service is asked only for our zone, a preference: a host
// that cannot reach the service (no EC2, a container behind a hop limit) must not wait long for it.
constexpr aws::ImdsPatience kZonePatience{.token_timeout = Duration(250),
                                          .token_tries = 1,
                                          .token_pause = Duration(0),
                                          .request_timeout = Duration(500)};

// Where relative paths of the environment begin: asked once, because a mount that goes on in the
// background leaves it. Empty where it is gone: then no path can begin at it.
const std::string& callersDirectory() {
  static const std::string directory = [] {
    std::error_code failed;
    const auto path = std::filesystem::current_path(failed);
    return failed ? std::string() : path.string();
  }();
  return directory;
}

std::string absolute(const std::string& path) {
  const bool complete = path.empty() || path.front() == '/' || callersDirectory().empty();
  return complete ? path : callersDirectory() + "/" + path;
}

}  // namespace

FactFinder::FactFinder(const MountRequest& request, const settings::Settings& settings,
                       const Clock& clock, const std::string& directory)
    : request_(request),
      settings_(settings),
      clock_(clock),
      region_memory_(directory, clock),
      curl_(http::makeHttpClient(absolute(aws::caBundle(environmentVariable)))),
      http_(std::make_unique<aws::TokenMemory>(*curl_)) {}

FactFinder::~FactFinder() = default;

void FactFinder::startOver() {
  lookups_.reset();
  if (credentials_ && !*credentials_) credentials_.reset();
  imds_.reset();
}

aws::ImdsClient& FactFinder::metadata(aws::ImdsPatience patience) {
  if (!imds_) {
    imds_.emplace(aws::ImdsClient::fromEnvironment(*http_, environmentVariable,
                                                   settings_.mount.disable_ec2_metadata_token));
  }
  imds_->setPatience(patience);
  return *imds_;
}

Result<std::string> FactFinder::canonicalName() {
  const std::string name = request_.device.dns_name.value_or("");
  net::Resolver::Options options;
  options.use_search_list = name.find('.') == std::string::npos;  // a short name of the site
  EFS_TRY(resolver, net::Resolver::create(options));
  EFS_TRY(found, resolver.resolveNamed(name, kNfsPort, clock_, kResolvePatience)
                     .withContext("Failed to resolve \"" + name + "\""));
  log::info("{} is {}", name, found.canonical_name);
  return found.canonical_name;
}

Result<std::string> FactFinder::region() {
  aws::RegionSources sources;
  sources.option = request_.region;
  sources.aws_region = environmentVariable("AWS_REGION");
  sources.aws_default_region = environmentVariable("AWS_DEFAULT_REGION");
  sources.config = settings_.mount.region;
  sources.dns_name_format = settings_.mount.dns_name_format;
  const bool chosen =
      sources.option || sources.aws_region || sources.aws_default_region || sources.config;
  if (!chosen && request_.device.region) {
    region_source_ = "the DNS name given";
    log::info("region {} from {}", *request_.device.region, region_source_);
    return *request_.device.region;
  }
  // With a plain source the service will be asked for our zone only.
  EFS_TRY(region,
          chosen ? aws::chooseRegion(sources, metadata(kZonePatience)) : askForRegion(sources));
  log::info("region {} from {}", region.name, region.source);
  region_source_ = region.source;
  return region.name;
}

// The service refuses what is too much at once (status 429, 503): mounts of a booting host come
// together. So it is asked again, each at a time of its own; and what it told another mount of this
// host a moment ago is as good.
Result<aws::Region> FactFinder::askForRegion(const aws::RegionSources& sources) {
  for (int attempt = 1;; ++attempt) {
    auto region = aws::chooseRegion(sources, metadata({}));
    if (region) {
      if (region->source == aws::kRegionOfInstance) region_memory_.keep(region->name);
      return region;
    }
    const ErrorKind kind = region.error().kind();
    if (kind == ErrorKind::kProtocol || kind == ErrorKind::kTimeout) {
      if (const auto told = region_memory_.recall()) {
        log::warning("{}; using {}, which it told another mount", region.error().message(), *told);
        return aws::Region{*told, "instance metadata, a moment ago"};
      }
    }
    if (kind != ErrorKind::kProtocol || attempt == kRegionTries) return region;
    RandomSource random;
    EFS_CHECK(sleepFor(Duration(std::uniform_int_distribution<>(200, 1000)(random))));
    imds_.reset();
  }
}

bool FactFinder::wantsOwnZone() const {
  return request_.kind == FileSystemKind::kEfs && request_.mount_target_ips.empty() &&
         !request_.device.own_name && !request_.cross_account && !request_.az &&
         !request_.device.dns_name;
}

std::optional<std::string> FactFinder::ownZone() {
  const auto identity = metadata(kZonePatience).identity();
  if (identity && !identity->availability_zone.empty()) return identity->availability_zone;
  log::info("own availability zone unknown: {}",
            identity ? "the instance identity document does not tell" : identity.error().message());
  return std::nullopt;
}

// DNS-3, and section 21
Result<std::string> FactFinder::zoneId() {
  if (request_.zone_id) return *request_.zone_id;
  const bool s3files = request_.kind == FileSystemKind::kS3Files;
  const std::string purpose =
      s3files ? "Cannot retrieve AZ-ID, which the option azid=<id> gives as well"
              : "mount option crossaccount";
  if (settings_.client_source == "ecs.fargate") {
    if (settings_.mount.az_id) return *settings_.mount.az_id;
    return Error(ErrorKind::kInvalidInput, purpose + ": key az_id of section [mount] is missing")
        .addHint("on Fargate the availability zone id cannot be found out otherwise");
  }
  return metadata({}).availabilityZoneId().withContext(
      purpose + ": finding this host's availability zone id");
}

std::string FactFinder::instanceId() {
  const auto identity = metadata(kZonePatience).identity();
  return identity ? identity->instance_id : std::string();
}

Status FactFinder::openLookups() {
  if (lookups_) return {};
  EFS_TRY(resolver, net::Resolver::create());
  lookups_.emplace(std::move(resolver), clock_, kResolvePatience);
  return {};
}

void FactFinder::startLookups(const std::string& region) {
  const bool by_name = request_.kind == FileSystemKind::kEfs && request_.mount_target_ips.empty() &&
                       !request_.device.own_name;
  if (!by_name || request_.cross_account || !openLookups()) return;
  const TargetQuestion question{request_.device.fs_id, region, request_.az, std::nullopt};
  const auto names = nameCandidates(question, settings_.forRegion(region));
  if (!names) return;  // findMountTarget() reports it
  for (const auto& candidate : *names) lookups_->start(candidate.name);
}

Result<MountTarget> FactFinder::mountTarget(const std::string& region) {
  if (!request_.mount_target_ips.empty()) return targetAtAddress(region);
  if (request_.device.own_name) return targetAtOwnName(region);
  auto target = resolveTarget(region);
  const std::string doubt = aws::regionDoubt(region);
  if (!target && !doubt.empty()) target.error().addContext(doubt);
  return target;
}

Result<MountTarget> FactFinder::resolveTarget(const std::string& region) {
  TargetQuestion question{request_.device.fs_id, region, request_.az, std::nullopt};
  if (request_.kind == FileSystemKind::kS3Files) {
    EFS_TRY(zone_id, zoneId());
    question.zone_id = std::move(zone_id);
  } else if (request_.cross_account) {
    EFS_TRY(zone_id, zoneId());
    question.cross_account = std::move(zone_id);
  } else if (wantsOwnZone()) {
    question.own_az = ownZone();
    if (pinned(question)) question.own_az.reset();
  }
  auto target = targetByName(question);
  // The API of EFS knows nothing of S3 Files.
  const bool may_ask_api = settings_.mount.fall_back_to_mount_target_ip &&
                           !request_.cross_account && request_.kind == FileSystemKind::kEfs;
  if (!target && may_ask_api && target.error().kind() != ErrorKind::kCancelled &&
      target.error().kind() != ErrorKind::kInvalidInput) {
    target = targetByApi(question, target.error());
  }
  if (!target) return target;
  // DEV-4: a name that is not what this configuration makes of the id belongs to somebody else.
  if (request_.device.dns_name && request_.device.dns_name != target->dns_name) {
    return Error(ErrorKind::kInvalidInput,
                 *request_.device.dns_name + " did not resolve to a valid DNS name for " +
                     std::string(factsOf(request_.kind).product) + ": expected " + target->dns_name)
        .addHint("check the region and config keys dns_name_format and dns_name_suffix");
  }
  target->pinned = target->connect_host.empty() && net::pinnedInHostsFile(target->dns_name);
  return target;
}

// CSI-19: who gave the regional name an address in /etc/hosts means it, whatever DNS says about the
// name of our zone; unless that one stands there as well.
bool FactFinder::pinned(const TargetQuestion& question) const {
  const auto names = nameCandidates(question, settings_.forRegion(question.region));
  if (!names || names->size() < 2 || net::pinnedInHostsFile(names->front().name)) return false;
  const bool regional = net::pinnedInHostsFile(names->back().name);
  if (regional) log::info("{} has an address in /etc/hosts, which is used", names->back().name);
  return regional;
}

Result<MountTarget> FactFinder::targetByName(const TargetQuestion& question) {
  EFS_CHECK(openLookups());
  const auto settings = settings_.forRegion(question.region);
  // All of them now: a name that is asked second has its answer when the first one fails.
  if (const auto names = nameCandidates(question, settings)) {
    for (const auto& candidate : *names) lookups_->start(candidate.name);
  }
  return findMountTarget(
      question, settings, [&](const std::string& name) { return lookups_->result(name); }, clock_);
}

// DNS-6
Result<MountTarget> FactFinder::targetByApi(const TargetQuestion& question,
                                            const Error& dns_failure) {
  log::info(
      "{}, attempting to lookup mount target ip address using botocore's calls of the EFS API",
      dns_failure.message());
  const auto whole = [&](const Error& error) {
    return Error(dns_failure.kind(),
                 dns_failure.message() + "; asking the EFS API failed: " + error.message())
        .addHint(dns_failure.hint());
  };
  const auto identity = credentials(question.region);
  if (!identity) return whole(identity.error());
  const auto access = apiAccess(question.region, *identity);
  const FallbackEdges edges{
      .describe_targets = [&] { return aws::describeMountTargets(access, question.fs_id); },
      .zone_id_of = [&](const std::string& zone) { return aws::zoneIdOf(access, zone); },
      .own_zone =
          [&] {
            auto id = settings_.mount.az_id ? Result<std::string>(*settings_.mount.az_id)
                                            : metadata(kZonePatience).availabilityZoneId();
            return Zone{question.own_az.value_or(""), id.value_or("")};
          },
      .reach = [this](const std::vector<std::string>& ips) { return reach(ips); }};
  const auto found = findByApi(question.fs_id, question.wanted_az, edges, clock_);
  if (!found) return whole(found.error());
  EFS_TRY(name, formatDnsName(settings_.forRegion(question.region), question.fs_id, question.region,
                              question.wanted_az));
  return MountTarget{name, question.wanted_az, found->address, found->address};
}

Result<ReachReport> FactFinder::reach(const std::vector<std::string>& ips) const {
  if (network_ == nullptr) return reachTargets(ips, clock_);
  ReachReport report;
  EFS_CHECK(network_->run([&]() -> Status {
    EFS_TRY(found, reachTargets(ips, clock_));
    report = std::move(found);
    return {};
  }));
  return report;
}

// DNS-5. The name only tells the certificate, which no zone is part of.
Result<MountTarget> FactFinder::targetAtAddress(const std::string& region) {
  log::info("Use the mount target ip address {} provided in the mount options to mount.",
            join(request_.mount_target_ips, ", "));
  EFS_TRY(ip, firstReachable(request_.mount_target_ips,
                             [this](const std::vector<std::string>& ips) { return reach(ips); }));
  const auto& zone = request_.zone_id ? request_.zone_id : request_.az;
  EFS_TRY(name, formatDnsName(settings_.forRegion(region), request_.device.fs_id, region, zone));
  return MountTarget{name, zone, ip, ip};
}

// A name of the user's own with option fsid: the tunnel resolves it at each connection, the
// certificate is checked for the name that EFS gives.
Result<MountTarget> FactFinder::targetAtOwnName(const std::string& region) {
  EFS_TRY(name,
          formatDnsName(settings_.forRegion(region), request_.device.fs_id, region, std::nullopt));
  const std::string own = request_.device.dns_name.value_or("");
  EFS_CHECK(openLookups());
  auto addresses = lookups_->result(own);
  if (!addresses) {
    return unexpected(std::move(addresses.error().addContext("Failed to resolve \"" + own + "\"")));
  }
  log::info("{} is {}", own, join(*addresses, ", "));
  return MountTarget{name, std::nullopt, addresses->front(), own};
}

Result<aws::Credentials> FactFinder::credentials(const std::string& region) {
  if (credentials_) return *credentials_;
  EFS_TRY(home, aws::homeDirectoryOf(::geteuid()));  // CRED-5: mount(8) runs us without $HOME
  const aws::CredentialContext context{
      .http = *http_,
      .clock = clock_,
      .home_directory = home,
      .environment = environmentVariable,
      .region = region,
      .disable_metadata_token = settings_.mount.disable_ec2_metadata_token,
      .dns_suffix = settings_.forRegion(region).dns_name_suffix,
      .fall_through = settings_.mount.credential_fallthrough,
      .directory = callersDirectory()};
  const aws::CredentialOptions options{.profile = request_.aws_profile,
                                       .credentials_uri = request_.credentials_uri,
                                       .role_arn = request_.role_arn,
                                       .jwt_path = request_.jwt_path};
  credentials_ = aws::findCredentials(context, options);
  api_environment_ = aws::apiEnvironment(context, options);
  origin_ = {.home = home,
             .directory = context.directory,
             .environment = aws::rememberedEnvironment(environmentVariable, context.directory)};
  for (const auto& name : aws::proxiesWithUser(environmentVariable)) {
    log::warning(
        "{}: user and password of the proxy are not kept; renewals of the certificate go without "
        "them unless the watchdog's own environment has them for the same proxy",
        name);
  }
  return *credentials_;
}

state::CredentialsOrigin FactFinder::credentialsOrigin() const {
  state::CredentialsOrigin origin = origin_;
  if (!credentials_ || !*credentials_) return origin;
  aws::Principal principal = aws::principalOf(**credentials_);
  origin.account = std::move(principal.account);
  origin.principal = std::move(principal.name);
  origin.access_key_id = std::move(principal.access_key_id);
  return origin;
}

aws::ApiAccess FactFinder::apiAccess(const std::string& region,
                                     const aws::Credentials& credentials) const {
  return {.http = *http_,
          .clock = clock_,
          .credentials = credentials,
          .region = region,
          .environment = api_environment_,
          .fips = settings_.mount.fips_mode};
}

std::string hostName() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0 || name[0] == '\0') return "localhost";
  return name.data();
}

}  // namespace efs::mount_helper
