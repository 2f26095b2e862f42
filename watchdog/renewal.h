// Renewal of a client certificate (contract CERT-7, WD-14). The work asks AWS for credentials and
// may wait for the network, so it runs in a child with a deadline; the loop only sees it end.
#pragma once

#include <optional>
#include <string>

#include "efs/aws/credentials.h"
#include "efs/base/clock.h"
#include "efs/base/result.h"
#include "efs/base/subprocess.h"
#include "efs/state/mount_state.h"

namespace efs::watchdog {

struct RenewalRequest {
  state::MountState state;  // certificate, key, names, credentials method
  std::string lock_path;    // of the private key, in the state directory
  std::string client_source;
  std::string client_version;
  bool disable_metadata_token = false;
  std::string dns_suffix;  // of the mount's region, for STS
};

struct RenewalOutcome {
  std::string creation_time;  // for certificateCreationTime
  std::optional<WallTime> credentials_expire;

  // One line, from the child to its parent.
  static std::string encode(const Result<RenewalOutcome>& outcome);
  // The error of the child, or kInternal for a line that is none.
  static Result<RenewalOutcome> decode(const std::string& line);
};

// The whole work: same key, new signature, new times; the file is replaced atomically, 0600, and on
// any error the old one stays.
Result<RenewalOutcome> renewCertificate(const RenewalRequest& request,
                                        const aws::CredentialContext& context);

// When the certificate must be renewed: after `interval`, and before it or its credentials end. The
// past when its age is unknown or lies in the future.
WallTime renewalTime(std::optional<WallTime> created, std::optional<WallTime> not_after,
                     std::optional<WallTime> credentials_expire, Duration interval, WallTime now);

// One renewal under way.
class RenewalJob {
 public:
  static Result<RenewalJob> start(const RenewalRequest& request);
  // Readable when the child has ended.
  int pidFd() const { return child_.pidFd(); }
  // After that: reaps the child.
  Result<RenewalOutcome> finish();
  void abandon() { child_.killAndReap(); }

 private:
  RenewalJob(Subprocess child, UniqueFd answer)
      : child_(std::move(child)), answer_(std::move(answer)) {}
  Subprocess child_;
  UniqueFd answer_;
};

}  // namespace efs::watchdog
