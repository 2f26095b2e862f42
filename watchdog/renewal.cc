#include "renewal.h"

#include <pwd.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <filesystem>

#include "efs/base/files.h"
#include "efs/base/log.h"
#include "efs/base/text.h"
#include "efs/crypto/certificate.h"
#include "efs/http/http_client.h"
#include "efs/identity/client_certificate.h"

namespace efs::watchdog {
namespace {

constexpr unsigned kDeadlineSeconds = 60;
constexpr std::size_t kMaxAnswer = 4096;  // fits into a pipe: the child never waits for its reader
constexpr auto kBeforeCertificateEnds = std::chrono::minutes(30);
constexpr auto kBeforeCredentialsEnd = std::chrono::minutes(5);
constexpr auto kMinimumLife = std::chrono::minutes(1);

bool isAccessPoint(std::string_view id) {
  constexpr std::string_view kPrefix = "fsap-";
  return id.size() == 22 && id.substr(0, kPrefix.size()) == kPrefix &&
         id.substr(kPrefix.size()).find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

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

// CRED-5: the home directory of the password file, not $HOME.
std::string homeDirectory() {
  std::array<char, 4096> buffer{};
  passwd entry{};
  passwd* found = nullptr;
  ::getpwuid_r(::geteuid(), &entry, buffer.data(), buffer.size(), &found);
  return found != nullptr ? found->pw_dir : "/root";
}

std::optional<std::string> environmentValue(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value != nullptr ? std::optional<std::string>(value) : std::nullopt;
}

// The child's life. It keeps nothing of ours but the pipe: neither the lock of the state directory
// nor a listening socket may live on in it.
int renewInChild(const RenewalRequest& request, int answer) {
  ::alarm(kDeadlineSeconds);
  log::setLevel(log::Level::kOff);  // the log's descriptor is closed here too
  if (::dup2(answer, 3) < 0) return 1;
  (void)::close_range(4, ~0U, 0);
  const SystemClock clock;
  const auto http = http::makeHttpClient(environmentValue("AWS_CA_BUNDLE").value_or(""));
  const aws::CredentialContext context{.http = *http,
                                       .clock = clock,
                                       .home_directory = homeDirectory(),
                                       .environment = environmentValue,
                                       .region = request.state.region,
                                       .disable_metadata_token = request.disable_metadata_token,
                                       .dns_suffix = request.dns_suffix};
  const auto outcome = renewCertificate(request, context);
  return writeAll(3, RenewalOutcome::encode(outcome), "the answer") ? 0 : 1;
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

}  // namespace

std::string RenewalOutcome::encode(const Result<RenewalOutcome>& outcome) {
  if (!outcome) return "failed\t" + printable(outcome.error().describe(), kMaxAnswer - 16) + "\n";
  std::string expiry = "-";
  if (outcome->credentials_expire) {
    expiry = std::to_string(std::chrono::duration_cast<std::chrono::seconds>(
                                outcome->credentials_expire->time_since_epoch())
                                .count());
  }
  return "ok\t" + outcome->creation_time + "\t" + expiry + "\n";
}

Result<RenewalOutcome> RenewalOutcome::decode(const std::string& line) {
  const auto words = split(trim(line), '\t');
  if (words.size() == 2 && words[0] == "failed") return Error(ErrorKind::kIo, words[1]);
  if (words.size() != 3 || words[0] != "ok" || !state::parseCertificateTime(words[1])) {
    return Error(ErrorKind::kInternal, "the renewal ended without an answer");
  }
  RenewalOutcome outcome;
  outcome.creation_time = words[1];
  if (const auto seconds = parseInt(words[2])) {
    outcome.credentials_expire = WallTime(std::chrono::seconds(*seconds));
  }
  return outcome;
}

Result<RenewalOutcome> renewCertificate(const RenewalRequest& request,
                                        const aws::CredentialContext& context) {
  const state::MountState& state = request.state;
  identity::CertificateRequest wanted;
  if (!state.access_point.empty()) {
    if (!isAccessPoint(state.access_point)) {
      return Error(ErrorKind::kInvalidInput,
                   "access point \"" + printable(state.access_point) +
                       "\" has been changed in the state file to a malformed format");
    }
    wanted.access_point = state.access_point;
  }
  EFS_TRY(credentials, findCredentials(request, context));
  RenewalOutcome outcome;
  if (credentials) outcome.credentials_expire = credentials->expiration;
  wanted.common_name = state.common_name;
  wanted.fs_id = state.fs_id;
  wanted.region = state.region;
  wanted.credentials = std::move(credentials);
  wanted.service = state.service_type;
  wanted.client_source = request.client_source;
  wanted.client_version = request.client_version;
  wanted.serial = nextSerial(state.certificate);
  const std::string key_path =
      state.private_key.empty() ? identity::kPrivateKeyPath : state.private_key;
  EFS_TRY(key, identity::loadOrCreatePrivateKey(key_path, request.lock_path, context.clock));
  const WallTime now = context.clock.now();
  EFS_TRY(certificate, identity::makeClientCertificate(wanted, key, now));
  // Its directory may have been cleaned away with it; one that exists stays as it is.
  EFS_CHECK(makeDirectories(std::filesystem::path(state.certificate).parent_path(), 0700));
  EFS_CHECK(writeFileAtomic(state.certificate, certificate.pem, {.mode = 0600}));
  outcome.creation_time = state::certificateTimeText(now);
  return outcome;
}

WallTime renewalTime(std::optional<WallTime> created, std::optional<WallTime> not_after,
                     std::optional<WallTime> credentials_expire, Duration interval, WallTime now) {
  // A certificate from the future is not valid yet; the clock was wrong then or is wrong now.
  if (!created || *created > now + kMinimumLife) return WallTime::min();
  WallTime due = *created + interval;
  if (not_after) due = std::min<WallTime>(due, *not_after - kBeforeCertificateEnds);
  if (credentials_expire)
    due = std::min<WallTime>(due, *credentials_expire - kBeforeCredentialsEnd);
  // A source that hands out credentials about to end must not cause a renewal without pause.
  return std::max<WallTime>(due, *created + kMinimumLife);
}

Result<RenewalJob> RenewalJob::start(const RenewalRequest& request) {
  EFS_TRY(pipe, makePipe());
  const int answer = pipe.write_end.get();
  EFS_TRY(child, Subprocess::fork([&] { return renewInChild(request, answer); }));
  return RenewalJob(std::move(child), std::move(pipe.read_end));
}

Result<RenewalOutcome> RenewalJob::finish() {
  EFS_TRY(status, child_.wait(Duration(0)));
  if (!status) return Error(ErrorKind::kInternal, "the renewal has not ended");
  if (status->code != 0) {
    const std::string how = status->signal == SIGALRM
                                ? "no answer within " + std::to_string(kDeadlineSeconds) + " s"
                                : "the renewal " + status->describe();
    return Error(ErrorKind::kTimeout, how);
  }
  EFS_TRY(line, readAll(answer_.get(), "the answer of a renewal", kMaxAnswer));
  return RenewalOutcome::decode(line);
}

}  // namespace efs::watchdog
