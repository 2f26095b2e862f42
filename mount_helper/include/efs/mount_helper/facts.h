// Facts: what has to be found out about the world before a mount can be planned.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "efs/aws/credentials.h"
#include "efs/aws/imds.h"
#include "efs/base/clock.h"
#include "efs/base/result.h"
#include "efs/http/http_client.h"
#include "efs/mount_helper/mount_request.h"
#include "efs/mount_helper/target_resolver.h"
#include "efs/settings/settings.h"

namespace efs::mount_helper {

class FactFinder {
 public:
  FactFinder(const MountRequest& request, const settings::Settings& settings, const Clock& clock);
  ~FactFinder();

  // Contract REG-1; a region in the device's DNS name counts before the metadata service is asked.
  Result<std::string> region();
  // The name in our own zone, the regional name, or the name of the wanted zone. With mounttargetip
  // the name is only computed, and the address is tried (DNS-5).
  Result<MountTarget> mountTarget(const std::string& region);
  Result<aws::Credentials> credentials(const std::string& region);

 private:
  // The one client of this run; `patience` counts at the first call.
  aws::ImdsClient& metadata(aws::ImdsPatience patience);
  std::optional<std::string> ownZone();
  Result<MountTarget> resolveTarget(const std::string& region);
  Result<MountTarget> fixedTarget(const std::string& region);

  const MountRequest& request_;
  const settings::Settings& settings_;
  const Clock& clock_;
  std::unique_ptr<http::HttpClient> http_;
  std::unique_ptr<aws::ImdsClient> imds_;
};

std::string hostName();

}  // namespace efs::mount_helper
