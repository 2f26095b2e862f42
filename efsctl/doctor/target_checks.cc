#include "doctor/target_checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <optional>

#include "doctor/way_to_server.h"
#include "efs/aws/credential_documents.h"
#include "efs/aws/endpoints.h"
#include "efs/aws/imds.h"
#include "efs/aws/mount_targets.h"
#include "efs/base/environment.h"
#include "efs/base/files.h"
#include "efs/base/nfs_port.h"
#include "efs/base/text.h"
#include "efs/http/http_client.h"
#include "efs/net/resolver.h"
#include "facts/target_resolver.h"

namespace efs::efsctl {
namespace {

using mount_helper::FactFinder;
using mount_helper::MountRequest;

constexpr Duration kServerTimeout{1500};
constexpr Duration kNamePatience{3000};
constexpr Duration kHttpPatience{3000};
constexpr std::chrono::seconds kSkewTold{60};
constexpr std::chrono::seconds kSkewFatal{300};  // AWS refuses signatures that are older

// What the questions beside the way need of it; the way tells what is wrong with either.
struct Place {
  MountRequest request;
  std::string region;
  std::optional<std::string> zone_id;  // S3 Files: what its name begins with
};

std::optional<Place> placeOf(const DoctorWorld& world, const DoctorTarget& target) {
  const auto& settings = world.settingsOf(target.kind);
  if (!settings) return std::nullopt;
  mount_helper::CommandLine command;
  command.device = target.device;
  command.mountpoint = target.mountpoint.empty() ? "/mnt" : target.mountpoint;
  command.options = target.options;
  command.fake = true;
  command.kind = target.kind;
  auto request = makeMountRequest(command);
  if (!request || request->device.fs_id.empty()) return std::nullopt;
  Place place{std::move(*request), {}, {}};
  FactFinder finder(place.request, *settings, world.clock);
  auto region = finder.region();
  if (!region) return std::nullopt;
  place.region = std::move(*region);
  if (target.kind == FileSystemKind::kEfs) return place;
  const auto zone_id = finder.zoneId();
  if (!zone_id) return std::nullopt;
  place.zone_id = *zone_id;
  return place;
}

std::vector<std::string> nameServers() {
  std::vector<std::string> servers;
  const auto text = readFile("/etc/resolv.conf");
  if (!text) return servers;
  for (const auto& line : split(*text, '\n')) {
    constexpr std::string_view kWord = "nameserver";
    const std::string_view trimmed = trim(line);
    if (!trimmed.starts_with(kWord)) continue;
    servers.emplace_back(trim(trimmed.substr(kWord.size())));
  }
  return servers;
}

struct ServerAnswer {
  std::string server;
  std::string seen;
  bool silent = false;
  bool found = false;
};

// Only this server is asked, for this name.
ServerAnswer askServer(const DoctorWorld& world, const std::string& server, const std::string& name,
                       const std::string& file) {
  ServerAnswer answer{server, {}, true, false};
  net::Resolver::Options options;
  options.resolv_conf = file;
  options.server_timeout = kServerTimeout;
  if (auto written = writeFileAtomic(file, "nameserver " + server + "\n"); !written) {
    answer.seen = written.error().message();
    return answer;
  }
  auto resolver = net::Resolver::create(options);
  if (!resolver) {
    answer.seen = resolver.error().message();
    return answer;
  }
  const auto found = resolver->resolve(name, kNfsPort, world.clock, kNamePatience);
  answer.found = found.has_value();
  answer.silent = !found && found.error().kind() != ErrorKind::kNotFound;
  answer.seen = found ? found->front().ip() : found.error().message();
  return answer;
}

void judgeServers(const std::vector<ServerAnswer>& answers, const std::string& name,
                  Reporter& report) {
  const auto any = [&](bool ServerAnswer::*what) {
    return std::any_of(answers.begin(), answers.end(),
                       [what](const ServerAnswer& answer) { return answer.*what; });
  };
  const auto count_silent = std::count_if(answers.begin(), answers.end(),
                                          [](const auto& answer) { return answer.silent; });
  if (static_cast<std::size_t>(count_silent) == answers.size()) {
    return report.fail("none answers: " + answers.front().seen,
                       "check the addresses in /etc/resolv.conf, and that port 53 is open to them");
  }
  for (const auto& answer : answers) {
    if (answer.silent) {
      report.warn(answer.server + " does not answer: " + answer.seen,
                  "take it out of /etc/resolv.conf: each look-up may wait for it");
    } else if (!answer.found && any(&ServerAnswer::found)) {
      report.warn(answer.server + " does not know " + name + ", others do",
                  "all servers of /etc/resolv.conf must know the VPC's names");
    } else {
      report.pass(answer.server + (answer.found ? ": " + answer.seen : " answers: no such name"));
    }
  }
}

void checkNameServers(const DoctorWorld& world, const DoctorTarget& target, const std::string& dir,
                      Reporter& report) {
  const auto place = placeOf(world, target);
  if (!place) return report.skip("no name to ask for");
  const MountRequest& request = place->request;
  if (!request.mount_target_ips.empty() || request.device.own_name) {
    return report.skip("the way needs none");
  }
  const auto names = mount_helper::nameCandidates(
      {request.device.fs_id, place->region, request.az, std::nullopt, {}, place->zone_id},
      world.settingsOf(target.kind)->forRegion(place->region));
  if (!names || names->empty()) return report.skip("no name to ask for");
  const auto servers = nameServers();
  if (servers.empty()) {
    return report.fail("/etc/resolv.conf names none", "it is written by DHCP or systemd-resolved");
  }
  std::vector<ServerAnswer> answers;
  for (const auto& server : servers) {
    answers.push_back(askServer(world, server, names->back().name,
                                fmt::format("{}/resolv-{}", dir, answers.size())));
    if (answers.size() == 2) break;  // the doctor has seconds
  }
  judgeServers(answers, names->back().name, report);
}

void tellSkew(std::chrono::seconds behind, Reporter& report) {
  const auto size = std::chrono::abs(behind);
  const std::string text = fmt::format("this host's clock is {} s {} AWS's", size.count(),
                                       behind.count() > 0 ? "behind" : "ahead of");
  if (size >= kSkewFatal) {
    report.fail(text, "set the clock (chronyc makestep): signatures and certificates are refused");
  } else if (size >= kSkewTold) {
    report.warn(text, "run chrony or another client of NTP");
  } else {
    report.pass(fmt::format("within {} s of AWS's", size.count() + 1));
  }
}

void checkClock(const DoctorWorld& world, const DoctorTarget& target, Reporter& report) {
  const auto place = placeOf(world, target);
  if (!place) return report.skip("the region is not known");
  const auto options = aws::endpointOptions(aws::Service::kSts, environmentVariable,
                                            world.settingsOf(target.kind)->mount.fips_mode);
  const auto url = aws::endpointUrl(aws::Service::kSts, place->region, options);
  if (!url) return report.skip(url.error().message());
  const auto http = http::makeHttpClient();
  http::HttpRequest request;
  request.url = aws::atEndpoint(*url, "/");
  request.timeout = kHttpPatience;
  const auto reply = http->send(request);
  if (!reply) return report.skip("nobody to compare it with: " + reply.error().message());
  const auto date = aws::parseAwsTime(reply->date);
  if (!date) return report.skip("STS tells no time");
  tellSkew(std::chrono::duration_cast<std::chrono::seconds>(*date - world.clock.now()), report);
}

std::string ownZone(const DoctorWorld& world, const http::HttpClient& http) {
  auto imds = aws::ImdsClient::fromEnvironment(http, environmentVariable,
                                               world.settings->mount.disable_ec2_metadata_token);
  const auto identity = imds.identity();
  return identity ? identity->availability_zone : std::string();
}

void judgeTargets(const std::vector<aws::MountTargetRecord>& records, const std::string& own,
                  const std::string& fs_id, Reporter& report) {
  bool any = false;
  bool here = own.empty();
  std::vector<std::string> texts;
  for (const auto& record : records) {
    any = any || record.available();
    here = here || (record.available() && record.zone_name == own);
    texts.push_back(record.zone_name + " " + record.state + " " + record.bestAddress());
  }
  const std::string all = join(texts, ", ");
  if (!any) {
    return report.fail(
        fs_id + " has no mount target that is available: " + (all.empty() ? "none at all" : all),
        "create one in each zone with clients (aws efs create-mount-target)");
  }
  if (!here) {
    return report.warn("none in this host's zone " + own + ": " + all,
                       "create one there: traffic between zones costs money and time");
  }
  report.pass(all);
}

void checkTargets(const DoctorWorld& world, const DoctorTarget& target, Reporter& report) {
  if (target.kind != FileSystemKind::kEfs)
    return report.skip("the EFS API knows only those of EFS");
  const auto place = placeOf(world, target);
  if (!place) return report.skip("the file system or the region is not known");
  FactFinder finder(place->request, *world.settings, world.clock);
  const auto credentials = finder.credentials(place->region);
  if (!credentials) return report.skip("no credentials to ask the EFS API with");
  auto access = finder.apiAccess(place->region, *credentials);
  access.request_timeout = kHttpPatience;
  const auto records = aws::describeMountTargets(access, place->request.device.fs_id);
  if (!records) return report.skip("the EFS API does not tell: " + records.error().message());
  judgeTargets(*records, ownZone(world, access.http), place->request.device.fs_id, report);
}

void walkToServer(const DoctorWorld& world, const DoctorTarget& target, const std::string& dir,
                  Reporter& report) {
  const auto& settings = world.settingsOf(target.kind);
  if (!settings) return report.skip("no configuration");
  WayToServer(*settings, world.clock, dir, report).walk(target);
}

}  // namespace

std::vector<Check> targetChecks(const DoctorWorld& world, const DoctorTarget& target, int number) {
  const std::string dir = fmt::format("{}/{}", world.work_dir, number);
  (void)makeDirectories(dir, 0700);  // who cannot write there says so
  return {
      {"clock", target.name,
       [&world, target](Reporter& report) { checkClock(world, target, report); }, false},
      {"name servers", target.name,
       [&world, target, dir](Reporter& report) { checkNameServers(world, target, dir, report); }},
      {"options", target.name,
       [&world, target, dir](Reporter& report) { walkToServer(world, target, dir, report); }},
      {"mount targets", target.name,
       [&world, target](Reporter& report) { checkTargets(world, target, report); }, false},
  };
}

}  // namespace efs::efsctl
