#include "carry_out/client_name.h"

#include "efs/base/log.h"

namespace efs::mount_helper {
namespace {

// Where the client's key is kept as well; it outlives a boot, which the state directory does not.
constexpr const char* kConfigFolder = "/etc/amazon/efs";

std::string hostsName(const std::string& uniquifier, const std::string& mount,
                      const std::string& state_directory) {
  auto host = mounts::HostIdentity::read();
  // Containers and cloned images share host names; two clients of one name would take each other's
  // locks away.
  if (!host.namesTheMachine()) {
    auto nonce = mounts::hostNonce({kConfigFolder, state_directory});
    if (!nonce) {
      log::warning("nothing names this host, its client identifier is of this mount only: {}",
                   nonce.error().describe());
      return mounts::randomClientIdentifier();
    }
    host.nonce = std::move(*nonce);
  }
  return mounts::clientIdentifier(host, uniquifier, mount);
}

}  // namespace

// No digest of OpenSSL's: setting that up costs a plain mount 2 MiB.
mounts::OwnClientIdentifier::Namer clientNamer(const MountRequest& request,
                                               const settings::Settings& settings,
                                               const state::StateStore& store) {
  const std::string mount = fmt::format("{}\n{}\n{}", request.device.fs_id,
                                        request.access_point.value_or(""), request.mountpoint);
  if (settings.mount.classic_client_identifier) {
    return [mount](const std::string&) { return mounts::classicClientIdentifier(mount); };
  }
  return [mount, folder = store.directory()](const std::string& uniquifier) {
    return hostsName(uniquifier, mount, folder);
  };
}

Result<mounts::OwnClientIdentifier> takeName(const state::StateStore& store, const Clock& clock,
                                             Duration patience,
                                             const mounts::OwnClientIdentifier::Namer& namer,
                                             const mounts::KernelOpener& kernel) {
  auto own =
      mounts::OwnClientIdentifier::set(store.locks().identifier, clock, patience, namer, kernel);
  if (own || own.error().kind() != ErrorKind::kBusy) return own;
  // A time-out for our callers: it may pass, where "busy" would end the attempts.
  return std::move(own.error())
      .setKind(ErrorKind::kTimeout)
      .addContext(
          fmt::format("waiting {} s for other mounts of this host", patience.count() / 1000));
}

}  // namespace efs::mount_helper
