#include "act/renewer.h"

#include <signal.h>

#include <algorithm>

#include "act/renewal.h"

namespace efs::watchdog {

void Renewer::renew(MountRecord& mount) {
  const auto& settings = context_.settings;
  (void)jobs_.start(
      mount, Task::kRenewal,
      RenewalRequest{.state = mount.state,
                     .lock_path = context_.store.locks().private_key,
                     .client_source = settings.client_source,
                     .client_version = context_.identity.version,
                     .disable_metadata_token = settings.mount.disable_ec2_metadata_token,
                     .dns_suffix = settings.forRegion(mount.state.region).dns_name_suffix,
                     .daemon_environment = context_.identity.environment,
                     .allow_identity_change = settings.watchdog.allow_identity_change});
}

// A place is free for one that waits.
void Renewer::wakeWaiting() {
  const auto waits = [](const auto& entry) { return entry.second.renewal_waits; };
  const auto next = std::find_if(context_.records.begin(), context_.records.end(), waits);
  if (next == context_.records.end()) return;
  next->second.renewal_waits = false;
  next->second.due = true;
}

void Renewer::fail(MountRecord& mount, const Error& error) {
  const std::string reason = error.describe();
  mount.health.last_error = "certificate: " + reason;
  if (!mount.novelty.isNew("renewal", reason)) return;
  context_.tools.log.error("Cannot recreate self-signed certificate for {}, trying again: {}",
                           mount.name, reason);
}

void Renewer::renewed(MountRecord& mount, const Result<std::string>& answer) {
  // Before anything can fail: the place among the jobs is free whatever came of this one.
  wakeWaiting();
  auto outcome = answer ? RenewalOutcome::decode(*answer) : Result<RenewalOutcome>(answer.error());
  if (!outcome) return fail(mount, outcome.error());
  mount.novelty.clear("renewal");
  // Minutes may have passed in the child; umount.efs may have written its note meanwhile, which our
  // next save would undo.
  files_.readIfChanged(mount);
  context_.tools.log.info("Renewed the certificate of {}", mount.name);
  mount.state.certificate_creation_time = outcome->creation_time;
  const auto end = outcome->credentials_expire;
  mount.state.credentials_expiration = end ? state::certificateTimeText(*end) : "";
  notePrincipal(mount, outcome->principal);
  files_.save(mount);
  // Last, when file and state agree: the tunnel reads the certificate for its next connection, and
  // those that stand go on with the old one.
  keeper_.signal(mount, SIGHUP, "SIGHUP");
}

// The parts of it that only this renewal told, or (allow_identity_change) another one.
void Renewer::notePrincipal(MountRecord& mount, const aws::Principal& now) {
  auto& origin = mount.state.credentials_origin;
  if (!origin) return;
  const aws::Principal before = principalOf(*origin);
  if (!aws::checkSamePrincipal(before, now)) {
    context_.tools.log.warning("{}: the certificate is now that of {}, no longer that of {}",
                               mount.name, now.describe(), before.describe());
  }
  const aws::Principal all = aws::merged(before, now);
  origin->account = all.account;
  origin->principal = all.name;
  origin->access_key_id = all.access_key_id;
}

}  // namespace efs::watchdog
