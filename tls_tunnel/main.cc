#include <string>
#include <vector>

#include "efs/base/process_start.h"
#include "efs/tls_tunnel/tunnel_main.h"

int main(int argc, char** argv) {
  efs::settleProcess(efs::ProcessKind::kDaemon);
  return efs::tls_tunnel::runTunnel(
      std::vector<std::string>(argv + (argc > 0 ? 1 : 0), argv + argc));
}
