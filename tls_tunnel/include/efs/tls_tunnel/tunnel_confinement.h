// What a tunnel gives up once it listens (efs/confine/confinement.h), where `confine = on` asks for
// it: all it does from then on are sockets, its log, its page of counters, and to read the
// certificate, the authorities and the resolver's files again.
#pragma once

#include <string>

#include "efs/tunnel_control/tunnel_config.h"

namespace efs::tls_tunnel {

// Says in the log what is in force.
void confineTunnel(const tunnel_control::TunnelConfig& config, const std::string& config_path);
// Says which system calls were refused, each once.
void tellRefusedCalls();

}  // namespace efs::tls_tunnel
