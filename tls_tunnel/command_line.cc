#include "efs/tls_tunnel/command_line.h"

#include "efs/base/text.h"
#include "efs/state/mount_paths.h"

namespace efs::tls_tunnel {

Result<TunnelArguments> parseTunnelArguments(const std::vector<std::string>& arguments) {
  TunnelArguments line;
  bool options_end = false;
  for (const std::string& argument : arguments) {
    if (options_end || argument.empty() || argument[0] != '-' || argument == "-") {
      if (argument.empty())
        return Error(ErrorKind::kInvalidInput, "the configuration file's name is empty");
      if (!line.config_path.empty())
        return Error(ErrorKind::kInvalidInput, "unexpected argument '" + printable(argument) + "'");
      line.config_path = argument;
    } else if (argument == "--") {
      options_end = true;
    } else if (argument == "--tls") {
      line.tls = true;
    } else if (argument == "--no-direct-s3-read") {
      line.no_direct_s3_read = true;
    } else if (argument == "-h" || argument == "--help") {
      line.action = TunnelArguments::Action::kHelp;
      return line;
    } else if (argument == "-V" || argument == "--version") {
      line.action = TunnelArguments::Action::kVersion;
      return line;
    } else {
      return Error(ErrorKind::kInvalidInput, "unknown option '" + printable(argument) + "'");
    }
  }
  if (line.config_path.empty())
    return Error(ErrorKind::kInvalidInput, "no configuration file given");
  return line;
}

std::string usage() {
  return "Usage: efs-proxy <config> [--tls] [--no-direct-s3-read]\n"
         "\n"
         "Forwards NFS from 127.0.0.1 to an EFS mount target; started by mount.efs and by\n"
         "amazon-efs-mount-watchdog.\n"
         "\n"
         "  <config>              tunnel configuration written by mount.efs\n"
         "  --tls                 encrypt with TLS and present the client certificate\n"
         "  --no-direct-s3-read   accepted for compatibility, without effect\n"
         "  -h, --help            this text\n"
         "      --version         the version\n";
}

std::string mountNameOf(const std::string& config_path) {
  const auto name = state::nameOfTunnelConfig(config_path);
  return name.value_or(config_path.substr(config_path.find_last_of('/') + 1));
}

}  // namespace efs::tls_tunnel
