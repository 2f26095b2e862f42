#include "mounts/rebuild.h"

#include <algorithm>

#include "efs/base/text.h"
#include "efs/identity/client_certificate.h"
#include "efs/tunnel_control/tunnel_launcher.h"

namespace efs::watchdog {
namespace {

constexpr auto kBackdated = std::chrono::minutes(15);  // contract CERT-1
constexpr unsigned char kUtf8String = 0x0C;

const crypto::CertificateExtension* extension(const crypto::CertificateFacts& facts,
                                              const std::string& oid) {
  const auto found = std::find_if(facts.extensions.begin(), facts.extensions.end(),
                                  [&](const auto& candidate) { return candidate.oid == oid; });
  return found == facts.extensions.end() ? nullptr : &*found;
}

// A short UTF8String of DER, as all ours are; empty for anything else.
std::string utf8(const crypto::CertificateExtension* field) {
  if (field == nullptr || field->value.size() < 2) return "";
  const auto tag = static_cast<unsigned char>(field->value[0]);
  const auto length = static_cast<unsigned char>(field->value[1]);
  if (tag != kUtf8String || length >= 0x80 || field->value.size() != length + 2U) return "";
  return field->value.substr(2);
}

void takeCertificate(const crypto::CertificateFacts& facts, const std::string& path,
                     RebuiltState& result) {
  constexpr std::string_view kName = "CN = ";
  state::MountState& state = result.state;
  state.access_point = utf8(extension(facts, identity::kAccessPointOid));
  if (facts.subject.rfind(kName, 0) == 0) state.common_name = facts.subject.substr(kName.size());
  state.certificate_creation_time = state::certificateTimeText(facts.not_before + kBackdated);
  // Signed with credentials or not: only what needs none can be renewed without knowing where they
  // came from.
  if (extension(facts, identity::kClientAuthOid) == nullptr) {
    state.certificate = path;
    return;
  }
  result.lost.push_back("the source of its credentials, so its certificate is not renewed after " +
                        utcText(facts.not_after, "%Y-%m-%dT%H:%M:%SZ"));
}

}  // namespace

RebuiltState rebuildState(const state::MountPaths& paths, const std::string& mountpoint,
                          const tunnel_control::TunnelConfig& config,
                          const crypto::CertificateFacts* certificate, const std::string& binary,
                          WallTime now) {
  RebuiltState result;
  state::MountState& state = result.state;
  const bool tls = !config.certificate.empty();
  state.cmd = tunnel_control::tunnelCommand(binary, paths.tunnel_config, tls);
  state.files = {paths.tunnel_config};
  state.mount_time = secondsSinceEpoch(now);
  state.mountpoint = mountpoint;
  state.fs_id = config.fs_id.empty() ? state::parseMountName(paths.name)->fs_id : config.fs_id;
  state.region = config.region;
  // The name the certificate is checked for is that of the kind, whatever is connected to.
  const auto kind =
      kindOfTargetName(config.check_host.empty() ? config.connect_host : config.check_host);
  state.service_type = factsOf(kind).service;
  if (!tls) return result;
  state.mount_state_dir = paths.secret_name;
  state.private_key = config.private_key;
  if (certificate != nullptr) {
    takeCertificate(*certificate, config.certificate, result);
  } else {
    result.lost.emplace_back("its certificate, with access point and credentials");
  }
  if (state.region.empty()) result.lost.emplace_back("its region");
  return result;
}

Result<std::string> nameByPort(state::StateFiles& files, const std::string& state_directory,
                               int port) {
  EFS_TRY(entries, files.list(state_directory));
  std::string found;
  for (const auto& file : entries) {
    const auto name = state::nameOfTunnelConfig(file);
    const auto parsed = name ? state::parseMountName(*name) : std::nullopt;
    if (!parsed || parsed->port != port) continue;
    if (!found.empty()) return std::string();
    found = *name;
  }
  return found;
}

}  // namespace efs::watchdog
