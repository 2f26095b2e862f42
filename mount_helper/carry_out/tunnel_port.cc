#include "carry_out/tunnel_port.h"

namespace efs::mount_helper {
namespace {

Result<net::ListeningSocket> listenAt(int port, const state::StateStore& store,
                                      const KernelCalls& kernel) {
  constexpr std::string_view kHint = "choose another tlsport or leave the option out";
  const std::string unavailable = "Specified port [" + std::to_string(port) + "] is unavailable";
  if (store.portReserved(port)) {
    return Error(ErrorKind::kBusy, unavailable + ": another mount uses it").addHint(kHint);
  }
  // Nobody listens there, yet a mount of another state directory may use it: its tunnel is dead,
  // and its calls would go out with our identity.
  EFS_TRY(used, kernel.uses_port(port).withContext(unavailable));
  if (used) {
    return Error(ErrorKind::kBusy, unavailable +
                                       ": the kernel has an NFS mount that uses it, and "
                                       "would go through this mount's tunnel")
        .addHint("unmount that one first, or leave the option tlsport out");
  }
  return net::listenLoopback(port).withContext(unavailable).withHint(kHint);
}

}  // namespace

Result<net::ListeningSocket> listenForTunnel(const MountRequest& request,
                                             const settings::MountSettings& settings,
                                             const state::StateStore& store,
                                             const KernelCalls& kernel) {
  if (request.tls_port) return listenAt(*request.tls_port, store, kernel);
  if (settings.port_lower <= 0 || settings.port_upper <= 0) {
    return Error(ErrorKind::kInvalidInput,
                 "configuration: port_range_lower_bound or port_range_upper_bound is missing")
        .addHint("set both in section [mount], for example 20049 and 21049");
  }
  // What cannot be asked about counts as used.
  const auto taken = [&](int port) {
    return store.portReserved(port) || kernel.uses_port(port).value_or(true);
  };
  return net::listenInRange(settings.port_lower, settings.port_upper, taken)
      .withContext("Failed to locate an available port in the range [" +
                   std::to_string(settings.port_lower) + ", " +
                   std::to_string(settings.port_upper) + ")");
}

}  // namespace efs::mount_helper
