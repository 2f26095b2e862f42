// Instance metadata service, version 2 with the contract's fallback to version 1 (section 8, "IMDS
// use").
#pragma once

#include <optional>
#include <string>

#include "efs/base/clock.h"
#include "efs/base/result.h"
#include "efs/http/http_client.h"

namespace efs::aws {

struct InstanceIdentity {
  std::string region;
  std::string availability_zone;
  std::string instance_id;
};

// Fetches each answer at most once per object. Not thread-safe.
class ImdsClient {
 public:
  // Endpoint: $AWS_EC2_METADATA_SERVICE_ENDPOINT or http://169.254.169.254; `disable_token` =
  // version 1 only.
  ImdsClient(const http::HttpClient& http, std::string endpoint, bool disable_token);

  Result<InstanceIdentity> identity();
  Result<std::string> availabilityZoneId();
  // GET of /latest/<path> with the token; the building block of the instance-role provider.
  Result<std::string> get(const std::string& path);

 private:
  Result<std::optional<std::string>> token();
  const http::HttpClient& http_;
  std::string endpoint_;
  bool disable_token_;
  std::optional<std::optional<std::string>> token_;
  std::optional<InstanceIdentity> identity_;
};

}  // namespace efs::aws
