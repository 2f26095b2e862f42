#include "act/renewal.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <filesystem>

#include "efs/aws/credential_chain.h"
#include "efs/aws/endpoints.h"
#include "efs/aws/remembered_environment.h"
#include "efs/base/environment.h"
#include "efs/base/files.h"
#include "efs/base/log.h"
#include "efs/base/text.h"
#include "efs/crypto/certificate.h"
#include "efs/http/http_client.h"
#include "efs/identity/client_certificate.h"

namespace efs::watchdog {
namespace {

// Room for several failed tries, with their pauses, before the server refuses the old one.
constexpr auto kBeforeCertificateEnds = std::chrono::minutes(30);
constexpr auto kOrdinaryLife = std::chrono::hours(3);  // of identity::makeClientCertificate()
constexpr auto kBeforeCredentialsEnd = std::chrono::minutes(5);
constexpr double kSpreadPart = 0.1;
// Two clocks that agree within this are taken for one.
constexpr auto kMinimumLife = std::chrono::minutes(1);

// CERT-1: one more than the certificate that is replaced.
std::uint64_t nextSerial(const std::string& path) {
  const auto pem = readFile(path);
  if (!pem) return 0;
  const auto facts = crypto::readCertificate(*pem, path);
  if (!facts) return 0;
  std::uint64_t serial = 0;
  const std::string& text = facts->serial;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), serial, 16);
  return parsed.ec == std::errc() ? serial + 1 : 0;
}

Result<std::optional<aws::Credentials>> findCredentials(const RenewalRequest& request,
                                                        const aws::CredentialContext& context) {
  const std::string& method = request.state.aws_credentials_method;
  if (method.empty()) return std::optional<aws::Credentials>();
  auto found = aws::credentialsByMethod(context, method);
  if (!found) {
    found.error().addContext("Failed to retrieve AWS security credentials using lookup method: " +
                             method);
    return unexpected(std::move(found.error()));
  }
  return std::optional<aws::Credentials>(std::move(*found));
}

// An access key is replaced now and then by another one of the same user, and a session's keys by
// those of the next session; only STS knows whose they are. Asked as soon as the mount is renewed:
// while the first key is there it can tell whose it is.
aws::Principal identify(const RenewalRequest& request, const aws::CredentialContext& context,
                        const aws::Credentials& credentials) {
  aws::Principal found = aws::principalOf(credentials);
  const auto& origin = request.state.credentials_origin;
  const bool same_key = origin && !origin->principal.empty() && !found.access_key_id.empty() &&
                        found.access_key_id == origin->access_key_id;
  const bool enough = !origin || !found.name.empty() || same_key;
  return enough ? found : aws::askPrincipal(context, credentials);
}

Status checkPrincipal(const RenewalRequest& request, const aws::Principal& found) {
  const auto& origin = request.state.credentials_origin;
  if (!origin || request.allow_identity_change) return {};
  return aws::checkSamePrincipal(principalOf(*origin), found);
}

// The same proxy with its user: a password is never in a state file.
std::optional<std::string> ownProxy(const Variables& daemon, const std::string& name,
                                    const std::string& value) {
  if (std::find(kProxyVariables.begin(), kProxyVariables.end(), name) == kProxyVariables.end()) {
    return std::nullopt;
  }
  const auto own = daemon.find(name);
  if (own == daemon.end() || withoutProxyUser(own->second) != value) return std::nullopt;
  return own->second;
}

}  // namespace

aws::Principal principalOf(const state::CredentialsOrigin& origin) {
  return {origin.account, origin.principal, origin.access_key_id};
}

Variables renewalEnvironment(const std::optional<state::CredentialsOrigin>& origin,
                             const Variables& daemon) {
  if (!origin) return daemon;
  Variables environment = aws::onlyRemembered(origin->environment);
  for (auto& [name, value] : environment) {
    if (auto own = ownProxy(daemon, name, value)) value = std::move(*own);
  }
  return environment;
}

std::string RenewalOutcome::encode() const {
  std::string expiry = "-";
  if (credentials_expire) {
    const auto since_epoch = credentials_expire->time_since_epoch();
    expiry = std::to_string(std::chrono::duration_cast<std::chrono::seconds>(since_epoch).count());
  }
  return join({creation_time, expiry, principal.account, principal.name, principal.access_key_id},
              "\t");
}

Result<RenewalOutcome> RenewalOutcome::decode(const std::string& line) {
  const auto words = split(line, '\t');
  if (words.size() != 5 || !state::parseCertificateTime(words[0])) {
    return Error(ErrorKind::kInternal, "the renewal ended without an answer");
  }
  RenewalOutcome outcome;
  outcome.creation_time = words[0];
  outcome.principal = {words[2], words[3], words[4]};
  if (const auto seconds = parseInt(words[1])) {
    outcome.credentials_expire = WallTime(std::chrono::seconds(*seconds));
  }
  return outcome;
}

Result<std::string> renewInChild(const RenewalRequest& request) {
  const SystemClock clock;
  const auto& origin = request.state.credentials_origin;
  EFS_TRY(home, origin && !origin->home.empty() ? Result<std::string>(origin->home)
                                                : aws::homeDirectoryOf(::geteuid()));
  // The child only: its parent renews other mounts, each with an environment of its own.
  // Those of the daemon, for a mount that had none: its credential_process was not found with them.
  if (origin) (void)takeVariables({"PATH", "HOME"});
  setVariables(renewalEnvironment(origin, request.daemon_environment));
  const auto http = http::makeHttpClient(aws::caBundle(environmentVariable));
  const aws::CredentialContext context{.http = *http,
                                       .clock = clock,
                                       .home_directory = home,
                                       .environment = environmentVariable,
                                       .region = request.state.region,
                                       .disable_metadata_token = request.disable_metadata_token,
                                       .dns_suffix = request.dns_suffix,
                                       .directory = origin ? origin->directory : std::string()};
  EFS_TRY(outcome, renewCertificate(request, context));
  return outcome.encode();
}

Result<RenewalOutcome> renewCertificate(const RenewalRequest& request,
                                        const aws::CredentialContext& context) {
  const state::MountState& state = request.state;
  identity::CertificateRequest wanted;
  if (!state.access_point.empty()) {
    if (!identity::isAccessPointId(state.access_point)) {
      return Error(ErrorKind::kInvalidInput,
                   "access point \"" + printable(state.access_point) +
                       "\" has been changed in the state file to a malformed format");
    }
    wanted.access_point = state.access_point;
  }
  EFS_TRY(credentials, findCredentials(request, context));
  RenewalOutcome outcome;
  if (credentials) {
    outcome.credentials_expire = credentials->expiration;
    outcome.principal = identify(request, context, *credentials);
    EFS_CHECK(checkPrincipal(request, outcome.principal));
  }
  wanted.common_name = state.common_name;
  wanted.fs_id = state.fs_id;
  wanted.region = state.region;
  wanted.credentials = std::move(credentials);
  wanted.service = state.service_type;
  wanted.client_source = request.client_source;
  wanted.client_version = request.client_version;
  // Read while the one that is replaced is still there.
  wanted.serial = nextSerial(state.certificate);
  const std::string key_path =
      state.private_key.empty() ? identity::kPrivateKeyPath : state.private_key;
  // After the principal was checked: a refused renewal leaves no trace. The key is shared by all
  // mounts of the host, hence its lock.
  EFS_TRY(key, identity::loadOrCreatePrivateKey(key_path, request.lock_path, context.clock));
  const WallTime now = context.clock.now();
  EFS_TRY(certificate, identity::makeClientCertificate(wanted, key, now));
  // Its directory may have been cleaned away with it; one that exists stays as it is.
  EFS_CHECK(makeDirectories(std::filesystem::path(state.certificate).parent_path(), 0700));
  EFS_CHECK(writeFileAtomic(state.certificate, certificate.pem, {.mode = 0600}));
  outcome.creation_time = state::certificateTimeText(now);
  return outcome;
}

WallTime renewalTime(const CertificateAge& age, Duration interval, double spread, WallTime now) {
  // A certificate from the future is not valid yet; the clock was wrong then or is wrong now.
  if (!age.created || *age.created > now + kMinimumLife) return WallTime::min();
  const double part = kSpreadPart * std::clamp(spread, 0.0, 1.0);
  const auto off = static_cast<Duration::rep>(static_cast<double>(interval.count()) * part);
  WallTime due = *age.created + interval - Duration(off);
  if (age.not_after) {
    WallTime end = *age.not_after;
    // By the time of AWS, hours behind this machine's clock: the next one would end no later.
    if (end != kUnreadable && end - kBeforeCertificateEnds <= *age.created + kMinimumLife)
      end = *age.created + kOrdinaryLife;
    due = std::min<WallTime>(due, end - kBeforeCertificateEnds);
  }
  if (age.credentials_expire) {
    due = std::min<WallTime>(due, *age.credentials_expire - kBeforeCredentialsEnd);
  }
  // A source that hands out credentials about to end must not cause a renewal without pause.
  return std::max<WallTime>(due, *age.created + kMinimumLife);
}

}  // namespace efs::watchdog
