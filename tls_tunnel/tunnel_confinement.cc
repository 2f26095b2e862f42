#include "efs/tls_tunnel/tunnel_confinement.h"

#include <filesystem>
#include <system_error>

#include "efs/base/files.h"
#include "efs/base/log.h"
#include "efs/base/log_start.h"
#include "efs/base/text.h"
#include "efs/confine/confinement.h"

namespace efs::tls_tunnel {
namespace {

// Never a directory that holds everything.
// Empty: nowhere.
std::string linkedTo(const std::string& path) {
  std::error_code failed;
  return std::filesystem::canonical(path, failed).string();
}

confine::FilePlan filesOf(const tunnel_control::TunnelConfig& config,
                          const std::string& config_path) {
  confine::FilePlan plan;
  // Resolver, authorities, OpenSSL's configuration and modules; what /etc/resolv.conf points to.
  plan.read = {"/etc",
               "/usr",
               "/lib",
               "/lib64",
               "/proc",
               "/dev/urandom",
               "/run/systemd/resolve",
               "/run/resolvconf",
               "/run/NetworkManager",
               "/run/netconfig",
               "/run/connman"};
  for (const auto& file : {config.ca_file, config.certificate, config.private_key}) {
    plan.read.push_back(directoryOf(file));
    // A link may lead to another directory, where the next file is put.
    plan.read.push_back(directoryOf(linkedTo(file)));
  }
  plan.write = {"/dev/null", directoryOf(config_path), directoryOf(config.pid_file)};
  // Else efs-log-writer writes it.
  if (config.log_writer == log::Writer::kOwn) {
    plan.write.push_back(directoryOf(config.log_file));
    plan.write.emplace_back(log::kDirectory);
  }
  return plan;
}

}  // namespace

void confineTunnel(const tunnel_control::TunnelConfig& config, const std::string& config_path) {
  log::startNoWriter();
  const confine::Confinement made = confine::confine(filesOf(config, config_path));
  log::info("Confined: {}", made.describe());
  for (const auto& missing : made.missing) log::warning("Not confined as asked: {}", missing);
}

void tellRefusedCalls() {
  for (const auto& name : confine::takeRefusedCalls())
    log::warning(
        "The system call {} was refused, as if this kernel had none: it is not on the tunnel's "
        "list. Set confine = off in [mount] of efsmount.conf and report it",
        name);
}

}  // namespace efs::tls_tunnel
