#include "efs/mount_helper/facts.h"

#include <unistd.h>

#include <array>
#include <cstdlib>

#include "efs/aws/region.h"
#include "efs/base/log.h"
#include "efs/base/wait.h"
#include "efs/net/resolver.h"
#include "efs/net/socket.h"

namespace efs::mount_helper {
namespace {

constexpr std::uint16_t kNfsPort = 2049;
constexpr Duration kResolvePatience{5000};
// Where the region is known the metadata service is asked only for our zone, a preference: a host
// that cannot reach the service (no EC2, a container behind a hop limit) must not wait long for it.
constexpr aws::ImdsPatience kZonePatience{.token_timeout = Duration(250),
                                          .token_tries = 1,
                                          .token_pause = Duration(0),
                                          .request_timeout = Duration(500)};

std::optional<std::string> environment(const std::string& name) {
  const char* value =
      std::getenv(name.c_str());  // NOLINT(concurrency-mt-unsafe): single-threaded program
  if (value == nullptr || *value == '\0') return std::nullopt;
  return std::string(value);
}

Result<std::vector<std::string>> addressesOf(net::Resolver& resolver, const std::string& name,
                                             const Clock& clock) {
  EFS_TRY(found, resolver.resolve(name, kNfsPort, clock, kResolvePatience));
  std::vector<std::string> texts;
  for (const auto& endpoint : found) texts.push_back(endpoint.ip());
  return texts;
}

}  // namespace

FactFinder::FactFinder(const MountRequest& request, const settings::Settings& settings,
                       const Clock& clock)
    : request_(request),
      settings_(settings),
      clock_(clock),
      http_(http::makeHttpClient(environment("AWS_CA_BUNDLE").value_or(""))) {}

FactFinder::~FactFinder() = default;

aws::ImdsClient& FactFinder::metadata(aws::ImdsPatience patience) {
  if (!imds_) {
    imds_ = std::make_unique<aws::ImdsClient>(*http_, aws::imdsEndpoint(environment),
                                              settings_.mount.disable_ec2_metadata_token, patience);
  }
  return *imds_;
}

Result<std::string> FactFinder::region() {
  aws::RegionSources sources;
  sources.option = request_.region;
  sources.aws_region = environment("AWS_REGION");
  sources.aws_default_region = environment("AWS_DEFAULT_REGION");
  sources.config = settings_.mount.region;
  sources.dns_name_format = settings_.mount.dns_name_format;
  const bool chosen =
      sources.option || sources.aws_region || sources.aws_default_region || sources.config;
  if (!chosen && request_.device.region) {
    log::info("region {} from the DNS name given", *request_.device.region);
    return *request_.device.region;
  }
  // With a plain source the service will be asked for our zone only.
  EFS_TRY(region,
          aws::chooseRegion(sources, metadata(chosen ? kZonePatience : aws::ImdsPatience{})));
  log::info("region {} from {}", region.name, region.source);
  return region.name;
}

std::optional<std::string> FactFinder::ownZone() {
  const auto identity = metadata(kZonePatience).identity();
  if (identity && !identity->availability_zone.empty()) return identity->availability_zone;
  log::info("own availability zone unknown: {}",
            identity ? "the instance identity document does not tell" : identity.error().message());
  return std::nullopt;
}

Result<MountTarget> FactFinder::mountTarget(const std::string& region) {
  return request_.mount_target_ip ? fixedTarget(region) : resolveTarget(region);
}

Result<MountTarget> FactFinder::resolveTarget(const std::string& region) {
  EFS_TRY(resolver, net::Resolver::create());
  TargetQuestion question{request_.device.fs_id, region, request_.az, std::nullopt};
  if (!question.wanted_az && request_.device.dns_name.empty()) question.own_az = ownZone();
  const auto settings = settings_.forRegion(region);
  EFS_TRY(target, findMountTarget(question, settings, [&](const std::string& name) {
            return addressesOf(resolver, name, clock_);
          }));
  // DEV-4: a name that is not what this configuration makes of the id belongs to somebody else.
  if (!request_.device.dns_name.empty() && request_.device.dns_name != target.dns_name) {
    return Error(ErrorKind::kInvalidInput,
                 request_.device.dns_name +
                     " did not resolve to a valid DNS name for EFS: expected " + target.dns_name)
        .addHint("check the region and config keys dns_name_format and dns_name_suffix");
  }
  return target;
}

// DNS-5
Result<MountTarget> FactFinder::fixedTarget(const std::string& region) {
  const std::string& ip = *request_.mount_target_ip;
  log::info("Use the mount target ip address {} provided in the mount options to mount.", ip);
  const auto endpoint = net::Endpoint::fromLiteral(ip, kNfsPort);
  if (!endpoint)
    return Error(ErrorKind::kInvalidInput, "mounttargetip " + ip + " is not an IP address");
  constexpr int kTries = 3;
  for (int attempt = 1;; ++attempt) {
    auto reached = net::connectTcp(*endpoint, Duration(2000));
    if (reached) break;
    if (attempt == kTries || reached.error().kind() != ErrorKind::kTimeout) {
      const bool refused = reached.error().kind() == ErrorKind::kRefused;
      return std::move(reached.error())
          .addContext("Cannot connect to file system mount target ip address " + ip)
          .addHint(
              refused
                  ? "no mount target listens there; check the address"
                  : "the mount target's security group must allow TCP port 2049 from this host");
    }
    EFS_CHECK(sleepFor(Duration(500)));
  }
  EFS_TRY(name,
          formatDnsName(settings_.forRegion(region), request_.device.fs_id, region, request_.az));
  return MountTarget{name, request_.az, ip};
}

Result<aws::Credentials> FactFinder::credentials(const std::string& region) {
  EFS_TRY(home, aws::homeDirectoryOf(::geteuid()));  // CRED-5: mount(8) runs us without $HOME
  const aws::CredentialContext context{
      .http = *http_,
      .clock = clock_,
      .home_directory = home,
      .environment = environment,
      .region = region,
      .disable_metadata_token = settings_.mount.disable_ec2_metadata_token,
      .dns_suffix = settings_.forRegion(region).dns_name_suffix,
      .fall_through = settings_.mount.credential_fallthrough};
  const aws::CredentialOptions options{.profile = request_.aws_profile,
                                       .credentials_uri = request_.credentials_uri,
                                       .role_arn = request_.role_arn,
                                       .jwt_path = request_.jwt_path};
  return aws::findCredentials(context, options);
}

std::string hostName() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0 || name[0] == '\0') return "localhost";
  return name.data();
}

}  // namespace efs::mount_helper
