#include "trial/diagnosis.h"

#include "efs/base/text.h"
#include "request/option_spelling.h"

namespace efs::mount_helper {
namespace {

using tunnel_control::Stage;

Error sentence(ErrorKind kind, std::string text, std::string_view hint) {
  Error error(kind, std::move(text));
  error.addHint(hint);
  return error;
}

// With what the probe or mount(2) said at the end, where that is all that is known, or what people
// search for ("Connection reset by peer", NFS-6).
Error sentenceWith(const Error& cause, ErrorKind kind, std::string text, std::string_view hint) {
  if (text.find(cause.message()) == std::string::npos) text += ": " + cause.message();
  return sentence(kind, std::move(text), hint);
}

std::string targetText(const Scene& scene) {
  std::string text = "mount target " + scene.target.dns_name;
  if (!scene.peer.empty()) text += " (" + scene.peer + ")";
  return text;
}

// No descriptor, no memory: neither DNS nor the mount target is to blame.
bool isOurLack(const tunnel_control::TunnelStatus& failure) {
  return failure.kind == ErrorKind::kIo &&
         (failure.failed_stage == Stage::kResolved || failure.failed_stage == Stage::kConnected);
}

Error explainLack(const Scene& scene) {
  return sentence(ErrorKind::kIo,
                  "this host cannot open a connection: " + scene.tunnel_failure->detail,
                  "look at the limit of open files (ulimit -n) and at free memory");
}

// Addresses of mount targets change when they are made anew; who pinned one must be told that it is
// his.
std::string pinnedAnd(const Scene& scene, std::string_view hint) {
  std::string text(hint);
  if (scene.target.pinned) {
    text.append("; its address comes from /etc/hosts (in a pod: hostAliases): check that it is ")
        .append("still the mount target's");
  }
  return text;
}

Error explainConnect(const Scene& scene) {
  const auto& failure = *scene.tunnel_failure;
  const std::string target = targetText(scene);
  switch (failure.kind) {
    case ErrorKind::kRefused:
      return sentence(failure.kind,
                      "connecting: " + target + " refused the connection: " + failure.detail,
                      !scene.request.mount_target_ips.empty()
                          ? std::string("check the address given by mounttargetip")
                          : pinnedAnd(scene, "check the mount target's state in the EFS console"));
    case ErrorKind::kTimeout:
      return sentence(failure.kind, "connecting: " + target + " did not answer: " + failure.detail,
                      pinnedAnd(scene, kSecurityGroupHint));
    case ErrorKind::kUnreachable:
      return sentence(
          failure.kind, "connecting: no route to " + target + ": " + failure.detail,
          pinnedAnd(
              scene,
              "check the route table and that the mount target is in a VPC this host can reach"));
    default:
      return sentence(failure.kind, "connecting to " + target + " failed: " + failure.detail,
                      pinnedAnd(scene, kSecurityGroupHint));
  }
}

Error explainTls(const Scene& scene) {
  const auto& failure = *scene.tunnel_failure;
  const std::string target = targetText(scene);
  if (failure.detail.starts_with("OCSP: ")) {
    return sentence(failure.kind,
                    "TLS: the certificate of " + target + " was not accepted: " + failure.detail,
                    "the check of revocation was asked for by the mount option ocsp or config key "
                    "stunnel_check_cert_validity; it needs a route to the responder");
  }
  if (failure.kind == ErrorKind::kUntrusted) {
    return sentence(
        failure.kind, "TLS: the certificate of " + target + " was not accepted: " + failure.detail,
        "check the CA bundle (option cafile, config key stunnel_cafile) and that the name "
        "belongs to this file system");
  }
  return sentence(failure.kind, "TLS: the handshake with " + target + " failed: " + failure.detail,
                  "something between this host and the mount target may be interfering");
}

Error explainRefusedCertificate(const Error& cause, const Scene& scene) {
  // Without TLS there is no certificate to refuse.
  std::string text = (scene.request.tls ? "authorisation: " : "NFS: ") + targetText(scene) + ": ";
  text += scene.tunnel_failure
              ? scene.tunnel_failure->detail
              : std::string("the server closed the connection before its first answer");
  if (!scene.signer.empty()) text += "; the certificate was signed with " + scene.signer;
  if (!scene.request.tls) {
    return sentenceWith(cause, ErrorKind::kReset, std::move(text),
                        "check whether the file system demands the mount options tls or iam");
  }
  std::string hint = "check ";
  if (scene.request.access_point)
    hint += "that access point " + *scene.request.access_point + " exists in this file system, ";
  if (scene.request.iam) hint += "that the credentials are valid, ";
  hint += "that this host's clock is right";
  if (!scene.request.iam) hint += ", and whether the file system demands the mount option iam";
  return sentenceWith(cause, ErrorKind::kReset, std::move(text), hint);
}

Error explainDenial(const Error& cause, const Scene& scene) {
  // The kernel's own words first: people search for them (NFS-6).
  std::string text =
      "access denied by server while mounting 127.0.0.1:" + printable(scene.request.device.path) +
      ": ";
  std::string hint;
  if (scene.request.iam) {
    text += "the file system policy does not allow ClientMount for " + scene.signer;
    hint =
        "allow " + std::string(factsOf(scene.request.kind).service) +
        ":ClientMount for this identity in the file system policy or in the identity's own policy";
  } else {
    text += "the file system policy does not allow anonymous clients";
    hint = scene.request.tls ? "add the mount option iam" : "add the mount options tls,iam";
  }
  if (scene.request.access_point) text += " through access point " + *scene.request.access_point;
  return sentenceWith(cause, ErrorKind::kPermission, std::move(text), hint);
}

}  // namespace

std::string signerOf(const std::optional<aws::Credentials>& credentials) {
  if (!credentials) return {};
  return "access key " + credentials->access_key_id + " from " + credentials->source +
         (credentials->arn.empty() ? "" : " (" + credentials->arn + ")");
}

Error explain(const Error& cause, const Scene& scene) {
  if (scene.tunnel_failure) {
    if (isOurLack(*scene.tunnel_failure)) return explainLack(scene);
    switch (scene.tunnel_failure->failed_stage) {
      case Stage::kResolved: {
        const auto& failure = *scene.tunnel_failure;
        return sentence(failure.kind, "DNS: " + scene.target.dns_name + ": " + failure.detail,
                        "check the file system id, the region and the VPC's DNS settings");
      }
      case Stage::kConnected:
        return explainConnect(scene);
      case Stage::kSecured:
        return explainTls(scene);
      case Stage::kAccepted:
        return explainRefusedCertificate(cause, scene);
      case Stage::kListening:
      case Stage::kFailed:
        break;
    }
  }
  switch (cause.kind()) {
    case ErrorKind::kPermission:
      return explainDenial(cause, scene);
    case ErrorKind::kReset:
      return explainRefusedCertificate(cause, scene);
    case ErrorKind::kTimeout:
      return sentenceWith(cause, cause.kind(),
                          "NFS: " + targetText(scene) + " does not answer NFS calls",
                          kSecurityGroupHint);
    case ErrorKind::kNotFound:
      return sentenceWith(cause, cause.kind(),
                          "the directory " + printable(scene.request.device.path) +
                              " does not exist on " + scene.request.device.fs_id,
                          "mount the root and create it, or correct the path after the colon");
    case ErrorKind::kInvalidInput: {
      const std::string hint = spellingHint(scene.request.nfs_options, scene.request.kind);
      return hint.empty() ? cause : sentence(cause.kind(), cause.message(), hint);
    }
    default:
      return cause;
  }
}

bool worthRetrying(const Error& error, const MountRequest& request) {
  switch (error.kind()) {
    case ErrorKind::kReset:
    case ErrorKind::kRefused:
    case ErrorKind::kTimeout:
      return true;
    case ErrorKind::kPermission:
      // A new access point takes a moment to be known everywhere.
      return request.access_point.has_value();
    default:
      return false;
  }
}

}  // namespace efs::mount_helper
