#include "carry_out/tunnel_port.h"

#include "efs/mounts/mount_table.h"

namespace efs::mount_helper {
namespace {

// A mount whose tunnel and state are gone still asks for this port, and would go through our
// tunnel.
bool isServed(int port) {
  const auto used = mounts::kernelUsesTunnelPort(port);
  return used && *used;
}

Result<net::Listener> listenAt(int port, const state::StateStore& store) {
  constexpr std::string_view kHint = "choose another tlsport or leave the option out";
  const std::string unavailable = "Specified port [" + std::to_string(port) + "] is unavailable";
  if (store.portReserved(port)) {
    return Error(ErrorKind::kBusy, unavailable + ": another mount uses it").addHint(kHint);
  }
  return net::listenLoopback(port).withContext(unavailable).withHint(kHint);
}

}  // namespace

Result<net::Listener> listenForTunnel(const MountRequest& request,
                                      const settings::MountSettings& settings,
                                      const state::StateStore& store) {
  if (request.tls_port) return listenAt(*request.tls_port, store);
  if (settings.port_lower <= 0 || settings.port_upper <= 0) {
    return Error(ErrorKind::kInvalidInput,
                 "configuration: port_range_lower_bound or port_range_upper_bound is missing")
        .addHint("set both in section [mount], for example 20049 and 21049");
  }
  return net::listenInRange(
             settings.port_lower, settings.port_upper,
             [&store](int port) { return store.portReserved(port) || isServed(port); })
      .withContext("Failed to locate an available port in the range [" +
                   std::to_string(settings.port_lower) + ", " +
                   std::to_string(settings.port_upper) + ")");
}

}  // namespace efs::mount_helper
