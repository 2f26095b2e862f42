#include "daemon/options.h"

#include <map>

#include "daemon/kept_configuration.h"
#include "efs/settings/settings.h"
#include "efs/state/state_store.h"

namespace efs::watchdog {

Result<Options> Options::parse(const std::vector<std::string>& arguments) {
  Options options;
  options.state_dir = state::kStateDirectory;
  options.config = settings::kConfigPath;
  const std::map<std::string, std::string*> with_value = {
      {"--state-dir", &options.state_dir}, {"--config", &options.config},
      {"--log-dir", &options.log_dir},     {"--mountinfo", &options.mountinfo},
      {"--proc-net", &options.proc_net},   {"--mountstats", &options.mountstats},
      {"--locks", &options.locks},         {"--kept-dir", &options.kept},
  };
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& word = arguments[i];
    if (word == "--version") {
      options.task = Task::kShowVersion;
    } else if (word == "-h" || word == "--help") {
      options.task = Task::kShowHelp;
    } else if (const auto known = with_value.find(word); known == with_value.end()) {
      return Error(ErrorKind::kInvalidInput, "unknown argument \"" + word + "\"");
    } else if (i + 1 == arguments.size() || arguments[i + 1].empty()) {
      return Error(ErrorKind::kInvalidInput, "argument " + word + " needs a value");
    } else {
      *known->second = arguments[++i];
    }
  }
  // Another configuration than this host's is not what dpkg may take away.
  if (options.kept.empty() && options.config == settings::kConfigPath) {
    options.kept = kKeptConfiguration;
  }
  return options;
}

std::string helpText(const std::string& program) {
  return "usage: " + program +
         " [-h] [--version]\n"
         "\n"
         "Supervises the tunnels of Amazon EFS mounts: replaces a tunnel that died, renews client\n"
         "certificates, cleans up after unmounts. Runs in the foreground, as root.\n"
         "\n"
         "  -h, --help         show this text and exit\n"
         "  --version          show the version and exit\n"
         "\n"
         "For tests and unusual installations:\n"
         "  --state-dir DIR    state files of the mounts (default /var/run/efs)\n"
         "  --config FILE      configuration (default /etc/amazon/efs/efs-utils.conf)\n"
         "  --log-dir DIR      directory of mount-watchdog.log (default " +
         log::kDirectory +
         ")\n"
         "  --mountinfo FILE   read the mount table from this file, not from the kernel\n"
         "  --proc-net DIR     find nfsfs/servers, nfsfs/volumes and rpc/nfs there (default\n"
         "                     /proc/self/net)\n"
         "  --mountstats FILE  the NFS client's counters (default /proc/self/mountstats)\n"
         "  --locks FILE       file locks (default /proc/locks)\n"
         "  --kept-dir DIR     where copies of the configuration are kept if it exists (default\n"
         "                     " +
         kKeptConfiguration + ")\n";
}

}  // namespace efs::watchdog
