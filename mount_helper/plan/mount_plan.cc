#include "plan/mount_plan.h"

#include "efs/base/nfs_port.h"
#include "efs/base/text.h"
#include "efs/base/version.h"
#include "efs/tunnel_control/tunnel_command.h"

namespace efs::mount_helper {
namespace {

constexpr int kVerifyChain = 2;
constexpr std::size_t kMaxCommonName = 64;  // CERT-1

std::string caFile(const MountRequest& request, const settings::MountSettings& settings) {
  return request.ca_file.value_or(settings.ca_file);
}

// The [proxy] section is optional; its numbers are checked here, where a default is known.
void applyProxyLogging(const settings::ProxySettings& proxy, tunnel_control::TunnelConfig& config) {
  config.proxy_logging_level = proxy.logging_level;
  const auto bytes = parseInt(proxy.logging_max_bytes.value_or(""));
  if (bytes && *bytes > 0) config.log_max_bytes = static_cast<std::size_t>(*bytes);
  const auto count = parseInt(proxy.logging_file_count.value_or(""));
  if (count && *count >= 0 && *count <= 1000) config.log_file_count = static_cast<int>(*count);
}

tunnel_control::TunnelConfig planTunnel(const MountRequest& request, const MountFacts& facts,
                                        const settings::Settings& all,
                                        const settings::MountSettings& settings,
                                        const state::MountPaths& paths) {
  tunnel_control::TunnelConfig config;
  config.fips = settings.fips_mode;
  config.pid_file = paths.pid_file;
  config.debug = settings.tunnel_debug;
  // A tunnel of S3 Files tells where it reads from, so it always has a file.
  if (settings.tunnel_debug || request.kind == FileSystemKind::kS3Files) {
    config.log_file = settings.tunnel_log_file
                          ? replaceAll(*settings.tunnel_log_file, "{fs_id}", request.device.fs_id)
                          : tunnel_control::defaultTunnelLog(paths.name);
  }
  config.log_writer = all.log.writer;
  if (all.proxy) applyProxyLogging(*all.proxy, config);
  config.fs_id = request.device.fs_id;
  config.region = facts.region;
  config.version = kContractVersion;
  config.mount_retry_timeout = settings.retry_nfs_mount_timeout;
  config.accept_port = facts.port;
  config.connect_host = facts.target.peer();
  config.connect_port = kNfsPort;
  config.verify = request.verify.value_or(kVerifyChain);
  config.allow_any_uid = settings.allow_any_local_uid;
  config.allow_uids = settings.allow_local_uids;
  config.max_connections = settings.max_connections;
  config.confine = settings.confine_tunnel;
  if (!request.tls) return config;
  config.ca_file = caFile(request, settings);
  config.ciphers = settings.tls_ciphers;
  config.certificate = paths.certificate;
  config.private_key = identity::kPrivateKeyPath;
  config.ocsp = request.asksRevocation(settings.check_cert_validity);
  if (settings.check_cert_hostname) {
    config.check_host = certificateHost(facts.target.dns_name, request.device.fs_id);
  }
  return config;
}

state::MountState planState(const MountRequest& request, const MountFacts& facts,
                            const MountPlan& plan, WallTime now) {
  state::MountState state;
  state.pid = -1;
  state.cmd = tunnel_control::recordedCommand(plan.tunnel_command, request.netns.value_or(""));
  state.files = {plan.paths.tunnel_config};
  state.mount_time = secondsSinceEpoch(now);
  state.mountpoint = request.mountpoint;
  state.fs_id = request.device.fs_id;
  state.service_type = factsOf(request.kind).service;
  if (!request.tls) return state;
  state.mount_state_dir = plan.paths.secret_name;
  state.common_name = facts.host_name.substr(0, kMaxCommonName);
  state.region = facts.region;
  state.certificate = plan.paths.certificate;
  state.private_key = identity::kPrivateKeyPath;
  state.certificate_creation_time = state::certificateTimeText(now);
  state.access_point = request.access_point.value_or("");
  if (facts.credentials) {
    state.aws_credentials_method = facts.credentials->method;
    state.credentials_origin = facts.credentials_origin;
    if (const auto end = facts.credentials->expiration) {
      state.credentials_expiration = state::certificateTimeText(*end);
    }
  }
  return state;
}

identity::CertificateRequest planCertificate(const MountRequest& request, const MountFacts& facts,
                                             const settings::Settings& settings) {
  identity::CertificateRequest certificate;
  certificate.common_name = facts.host_name;
  certificate.fs_id = request.device.fs_id;
  certificate.access_point = request.access_point;
  certificate.region = facts.region;
  certificate.service = factsOf(request.kind).service;
  certificate.credentials = facts.credentials;
  certificate.client_source = settings.client_source;
  certificate.client_version = clientVersion();
  return certificate;
}

}  // namespace

unsigned long readSize(const mounts::OptionList& options) {
  constexpr unsigned long kDefault = 1048576;
  const auto value = parseInt(options.value("rsize").value_or(""));
  return value && *value > 0 ? static_cast<unsigned long>(*value) : kDefault;
}

std::string certificateHost(const std::string& dns_name, const std::string& fs_id) {
  const auto at = dns_name.find(fs_id);
  return at == std::string::npos ? dns_name : dns_name.substr(at);
}

std::string mountNameOf(const MountRequest& request, const MountFacts& facts) {
  return state::mountName(request.device.fs_id, request.mountpoint, facts.port);
}

MountPlan planMount(const MountRequest& request, const MountFacts& facts,
                    const settings::Settings& settings, const state::MountPaths& paths,
                    WallTime now) {
  const settings::MountSettings mount = settings.forRegion(facts.region);
  MountPlan plan;
  plan.paths = paths;
  plan.tunnel = planTunnel(request, facts, settings, mount, plan.paths);
  plan.tunnel_config_text = plan.tunnel.serialize(request.tls);
  plan.tunnel_command =
      tunnel_control::tunnelCommand(facts.tunnel_binary, plan.paths.tunnel_config, request.tls);
  plan.state = planState(request, facts, plan, now);
  if (request.tls) plan.certificate = planCertificate(request, facts, settings);
  plan.nfs.address = "127.0.0.1";
  plan.nfs.source = plan.nfs.address + ":" + request.device.path;  // NFS-1
  plan.nfs.target = request.mountpoint;
  plan.nfs.umount_helper = factsOf(request.kind).type;  // umount(8) calls umount.<type>
  plan.nfs.options = request.nfs_options;
  mounts::addNfsDefaults(plan.nfs.options, facts.port, factsOf(request.kind).nfs_version);
  plan.rsize = readSize(plan.nfs.options);
  return plan;
}

}  // namespace efs::mount_helper
