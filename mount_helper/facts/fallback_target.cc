#include "facts/fallback_target.h"

#include <algorithm>

#include "efs/base/log.h"
#include "efs/base/nfs_port.h"
#include "efs/base/random.h"
#include "efs/base/text.h"
#include "efs/base/wait.h"
#include "efs/net/address.h"
#include "efs/net/connect_race.h"
#include "facts/mount_facts.h"

namespace efs::mount_helper {
namespace {

// A file system has one target per zone; more would only be time spent.
constexpr std::size_t kMaxTries = 6;

// Ids decide where both sides have them.
bool sameZone(const Zone& zone, const aws::MountTargetRecord& record) {
  if (!zone.id.empty() && !record.zone_id.empty()) return zone.id == record.zone_id;
  return !zone.name.empty() && zone.name == record.zone_name;
}

std::string zoneText(const aws::MountTargetRecord& record) {
  if (record.zone_name.empty()) return record.zone_id;
  if (record.zone_id.empty()) return record.zone_name;
  return record.zone_name + " (" + record.zone_id + ")";
}

std::string zoneText(const Zone& zone) {
  return zoneText(aws::MountTargetRecord{{}, zone.name, zone.id, {}, {}, {}});
}

Zone wantedZone(const std::optional<std::string>& az, const FallbackEdges& edges) {
  if (!az) return {};
  auto id = edges.zone_id_of(*az);
  if (id) return {*az, *id};
  // The API names zones as this account does, so the name alone will do as well.
  log::info("zone id of {} not found: {}", *az, id.error().describe());
  return {*az, {}};
}

Error noTarget(const std::string& fs_id, const std::vector<aws::MountTargetRecord>& records,
               const std::optional<std::string>& wanted_az) {
  std::vector<std::string> seen;
  seen.reserve(records.size());
  for (const auto& record : records) {
    seen.push_back(zoneText(record) + " " + record.state);
  }
  std::string text = "file system " + fs_id + " has no available mount target";
  if (wanted_az) text += " in " + *wanted_az;
  text += seen.empty() ? ": none at all" : ": there are " + join(seen, ", ");
  return Error(ErrorKind::kNotFound, text)
      .addHint("create a mount target in this host's VPC, or choose another zone with az=");
}

void warnOtherZone(const TargetChoice& choice, const std::string& ip, const Zone& own) {
  if (choice.closeness != Closeness::kOtherZone) return;
  log::warning(
      "mount target {} is in availability zone {}, this host is in {}: every call crosses zones, "
      "which is slower and is billed as data transfer; create a mount target in this host's zone",
      ip, zoneText(choice.record), zoneText(own));
}

Error explained(Error error, const std::string& ip) {
  const bool refused = error.kind() == ErrorKind::kRefused;
  return std::move(error)
      .addContext("Cannot connect to file system mount target ip address " + ip)
      .addHint(refused ? "no mount target listens there; check the address"
                       : std::string(kSecurityGroupHint));
}

// The targets of one closeness: all addresses, those that DNS-6 prefers first.
std::vector<std::string> addressesOf(const std::vector<TargetChoice>& choices,
                                     Closeness closeness) {
  std::vector<std::string> ips;
  for (const auto& choice : choices) {
    if (choice.closeness != closeness) continue;
    ips.push_back(choice.record.bestAddress());
    const bool both = !choice.record.address.empty() && !choice.record.address_v6.empty();
    if (both) ips.push_back(choice.record.address_v6);
  }
  return ips;
}

// The closest ones have all their tries before another zone is taken.
Result<std::string> reachClosest(const std::vector<TargetChoice>& choices,
                                 const ReachAddresses& reach) {
  std::vector<std::string> failures;
  std::optional<Error> first;
  for (const auto closeness : {Closeness::kOwnZone, Closeness::kOtherZone, Closeness::kUnknown}) {
    const auto ips = addressesOf(choices, closeness);
    if (ips.empty()) continue;
    auto ip = firstReachable(ips, reach);
    if (ip || ip.error().kind() == ErrorKind::kCancelled) return ip;
    failures.push_back(ip.error().message());
    if (!first) first = std::move(ip.error());
  }
  return Error(first->kind(), join(failures, "; ")).addHint(first->hint());
}

}  // namespace

std::vector<TargetChoice> orderTargets(const std::vector<aws::MountTargetRecord>& records,
                                       const Zone& wanted, const Zone& own) {
  std::vector<TargetChoice> choices;
  for (const auto& record : records) {
    if (!record.available()) continue;
    if (wanted.known()) {
      if (sameZone(wanted, record)) choices.push_back({record, Closeness::kUnknown});
    } else if (!own.known()) {
      choices.push_back({record, Closeness::kUnknown});
    } else {
      choices.push_back(
          {record, sameZone(own, record) ? Closeness::kOwnZone : Closeness::kOtherZone});
    }
  }
  std::stable_sort(
      choices.begin(), choices.end(),
      [](const TargetChoice& a, const TargetChoice& b) { return a.closeness < b.closeness; });
  return choices;
}

Result<ReachReport> reachTargets(const std::vector<std::string>& ips, const Clock& clock) {
  constexpr int kTries = 3;
  ReachReport report;
  std::vector<net::Endpoint> endpoints;
  std::vector<std::size_t> open;  // places in the report of what is still tried
  for (const auto& ip : ips) {
    report.tried.push_back({ip, std::nullopt, Duration(0)});
    if (const auto endpoint = net::Endpoint::fromLiteral(ip, kNfsPort)) {
      open.push_back(report.tried.size() - 1);
      endpoints.push_back(*endpoint);
    } else {
      report.tried.back().failure =
          Error(ErrorKind::kInvalidInput, printable(ip) + " is not an IP address");
    }
  }
  for (int attempt = 1; attempt <= kTries && !open.empty(); ++attempt) {
    if (attempt > 1) EFS_CHECK(sleepFor(Duration(500)));
    EFS_TRY(race, net::raceConnect(endpoints, clock));
    std::vector<net::Endpoint> silent;
    std::vector<std::size_t> again;
    for (std::size_t i = 0; i < open.size(); ++i) {
      auto& tried = report.tried[open[i]];
      tried.took += race.attempts[i].took;
      tried.failure = race.attempts[i].failure;
      if (!tried.failure || tried.failure->kind() != ErrorKind::kTimeout) continue;
      silent.push_back(endpoints[i]);
      again.push_back(open[i]);
    }
    if (race.winner) {
      report.winner = report.tried[open[*race.winner]].ip;
      break;
    }
    endpoints = std::move(silent);
    open = std::move(again);
  }
  for (auto& tried : report.tried) {
    if (tried.failure) tried.failure = explained(std::move(*tried.failure), tried.ip);
  }
  return report;
}

Result<std::string> firstReachable(const std::vector<std::string>& ips,
                                   const ReachAddresses& reach) {
  EFS_TRY(report, reach(ips));
  std::vector<std::string> failures;
  std::optional<Error> first;
  for (const auto& tried : report.tried) {
    if (!tried.failure) continue;
    log::info("mount target {} cannot be reached: {} ({} ms)", tried.ip, tried.failure->message(),
              tried.took.count());
    failures.push_back(tried.failure->message());
    if (!first) first = tried.failure;
  }
  for (const auto& tried : report.tried) {
    if (report.winner != tried.ip) continue;
    log::info("mount target {} can be reached ({} ms)", tried.ip, tried.took.count());
    return tried.ip;
  }
  if (!first) return Error(ErrorKind::kInternal, "no mount target address to try");
  return Error(first->kind(), join(failures, "; ")).addHint(first->hint());
}

Result<ApiTarget> findByApi(const std::string& fs_id, const std::optional<std::string>& wanted_az,
                            const FallbackEdges& edges, const Clock& clock) {
  const MonoTime begin = clock.monotonic();
  EFS_TRY(records, edges.describe_targets());
  log::info("DescribeMountTargets lists {} mount targets of {} ({} ms)", records.size(), fs_id,
            std::chrono::duration_cast<Duration>(clock.monotonic() - begin).count());
  const Zone wanted = wantedZone(wanted_az, edges);
  const Zone own = wanted_az ? Zone{} : edges.own_zone();
  auto choices = orderTargets(records, wanted, own);
  if (choices.empty()) return noTarget(fs_id, records, wanted_az);
  if (!wanted.known() && !own.known()) {
    RandomSource random;
    std::shuffle(choices.begin(), choices.end(), random);
  }
  if (choices.size() > kMaxTries) choices.resize(kMaxTries);
  EFS_TRY(ip, reachClosest(choices, edges.reach));
  const auto chosen = std::find_if(choices.begin(), choices.end(), [&](const auto& choice) {
    return choice.record.address == ip || choice.record.address_v6 == ip;
  });
  log::info("Found fall back mount target ip address {} for file system {}", ip, fs_id);
  warnOtherZone(*chosen, ip, own);
  return ApiTarget{chosen->record, ip};
}

}  // namespace efs::mount_helper
