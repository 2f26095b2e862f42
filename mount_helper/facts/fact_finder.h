// Facts: what has to be found out about the world before a mount can be planned.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "efs/aws/api_access.h"
#include "efs/aws/credentials.h"
#include "efs/aws/imds.h"
#include "efs/aws/region.h"
#include "efs/base/clock.h"
#include "efs/base/environment.h"
#include "efs/base/result.h"
#include "efs/http/http_client.h"
#include "efs/net/network_namespace.h"
#include "efs/settings/settings.h"
#include "efs/state/mount_state.h"
#include "efs/state/state_store.h"
#include "facts/fallback_target.h"
#include "facts/name_lookups.h"
#include "facts/region_memory.h"
#include "facts/target_resolver.h"
#include "request/mount_request.h"

namespace efs::mount_helper {

class FactFinder {
 public:
  // The references must outlive the object; the request's device may be completed meanwhile.
  // `directory`: where the region that the metadata service told is remembered.
  FactFinder(const MountRequest& request, const settings::Settings& settings, const Clock& clock,
             const std::string& directory = state::kStateDirectory);
  ~FactFinder();

  // NET-1: where mount targets are connected to; DNS and HTTP stay in our own namespace.
  void connectIn(const net::NetworkNamespace* network) { network_ = network; }

  // Forgets what failed, for another attempt while the network comes up; answers are kept.
  void startOver();
  // DEV-3: what the device's own name is an alias of. Waits for the network while the machine
  // boots.
  Result<std::string> canonicalName();
  // Contract REG-1; a region in the device's DNS name counts before the metadata service is asked.
  Result<std::string> region();
  // Where region() had it from, for people; empty before.
  const std::string& regionSource() const { return region_source_; }
  // Sends the DNS questions that are certain to be needed; the answers come in while the metadata
  // service and the credential sources are asked.
  void startLookups(const std::string& region);
  // In this order: the addresses given; the name in the zone given, or else in our own zone, then
  // the regional name; the EFS API.
  Result<MountTarget> mountTarget(const std::string& region);
  // The id of the zone that the name of the mount target begins with, of S3 Files (the one asked
  // for first) or with option crossaccount: our own.
  Result<std::string> zoneId();
  // Searched once; later calls give the same.
  Result<aws::Credentials> credentials(const std::string& region);
  // What credentials() looked at and whose it found, for renewals.
  state::CredentialsOrigin credentialsOrigin() const;
  // Empty where unknown; never waits long.
  std::string instanceId();

  // For calls of AWS APIs with what credentials() gave, which must outlive the result.
  aws::ApiAccess apiAccess(const std::string& region, const aws::Credentials& credentials) const;

 private:
  // The one client of this run; `patience` counts for what is asked next.
  aws::ImdsClient& metadata(aws::ImdsPatience patience);
  Result<aws::Region> askForRegion(const aws::RegionSources& sources);
  bool wantsOwnZone() const;
  std::optional<std::string> ownZone();
  bool pinned(const TargetQuestion& question) const;
  Status openLookups();
  Result<MountTarget> resolveTarget(const std::string& region);
  Result<MountTarget> targetByName(const TargetQuestion& question);
  Result<MountTarget> targetByApi(const TargetQuestion& question, const Error& dns_failure);
  Result<MountTarget> targetAtAddress(const std::string& region);
  Result<MountTarget> targetAtOwnName(const std::string& region);
  Result<ReachReport> reach(const std::vector<std::string>& ips) const;

  const MountRequest& request_;
  const settings::Settings& settings_;
  const Clock& clock_;
  const RegionMemory region_memory_;
  const net::NetworkNamespace* network_ = nullptr;
  std::unique_ptr<http::HttpClient> curl_;
  std::unique_ptr<http::HttpClient> http_;  // curl_, remembering the metadata token
  std::optional<aws::ImdsClient> imds_;
  std::string region_source_;
  std::optional<NameLookups> lookups_;
  std::optional<Result<aws::Credentials>> credentials_;
  state::CredentialsOrigin origin_;
  Environment api_environment_ = environmentVariable;
};

std::string hostName();

}  // namespace efs::mount_helper
