#include "plan/direct_plan.h"

#include "efs/mounts/mount_options.h"
#include "efs/net/address.h"

namespace efs::mount_helper {

bool mountsDirectly(const MountRequest& request, const settings::MountSettings& settings) {
  if (request.tls) return false;
  return request.no_tunnel || request.stunnel ||
         request.asksRevocation(settings.check_cert_validity);
}

mounts::NfsMountRequest planDirectMount(const MountRequest& request, const MountTarget& target) {
  mounts::NfsMountRequest nfs;
  const std::string& host = target.peer();
  const bool ipv6 = net::isIpLiteral(host) && host.find(':') != std::string::npos;
  nfs.source = (ipv6 ? "[" + host + "]" : host) + ":" + request.device.path;
  nfs.target = request.mountpoint;
  nfs.address = target.first_address;
  nfs.options = request.nfs_options;
  mounts::addNfsDefaults(nfs.options, std::nullopt);
  return nfs;
}

}  // namespace efs::mount_helper
