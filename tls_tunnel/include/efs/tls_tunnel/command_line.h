// The command line of efs-proxy (contract TUN-1): efs-proxy <config> [--tls] [--no-direct-s3-read].
#pragma once

#include <string>
#include <vector>

#include "efs/base/result.h"

namespace efs::tls_tunnel {

struct TunnelArguments {
  enum class Action { kRun, kHelp, kVersion };
  Action action = Action::kRun;
  std::string config_path;
  bool tls = false;
  // Accepted and without effect: this tunnel never reads from S3 by itself.
  bool no_direct_s3_read = false;
};

// `arguments` without argv[0]. kInvalidInput for anything not understood.
Result<TunnelArguments> parseTunnelArguments(const std::vector<std::string>& arguments);

std::string usage();

// "fs-1.mnt.20049" from ".../stunnel-config.fs-1.mnt.20049" (contract ST-3); other names as they
// are.
std::string mountNameOf(const std::string& config_path);

}  // namespace efs::tls_tunnel
