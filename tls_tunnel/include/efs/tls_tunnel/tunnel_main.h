// The program efs-proxy, behind main().
#pragma once

#include <string>
#include <vector>

namespace efs::tls_tunnel {

// `arguments` without argv[0]. The exit code: 0 stopped by SIGTERM, help, version; 1 could not
// start (one line on stderr, in the log and on the status pipe); 2 bad command line.
int runTunnel(const std::vector<std::string>& arguments);

}  // namespace efs::tls_tunnel
