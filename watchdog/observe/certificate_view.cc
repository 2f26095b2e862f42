#include "observe/certificate_view.h"

#include <algorithm>

#include "act/renewal.h"

namespace efs::watchdog {
namespace {

constexpr WallTime::duration kLongest = std::chrono::hours(24);

}  // namespace

void CertificateView::refresh(MountRecord& mount) const {
  const std::string& path = mount.state.certificate;
  if (path.empty()) return;
  const FileStamp stamp = context_.tools.files.stamp(path);
  if (stamp == mount.certificate.stamp) return;
  mount.certificate = {.stamp = stamp, .ends = std::nullopt};
  const auto pem = context_.tools.files.read(path);
  if (!pem) return;
  const auto end = context_.tools.certificates.end(*pem, path);
  if (end) {
    mount.certificate.ends = *end;
    return;
  }
  context_.tools.log.warning("{}: the certificate cannot be read and is renewed: {}", mount.name,
                             end.error().describe());
  mount.certificate.ends = kUnreadable;
}

void CertificateView::observe(const MountRecord& mount, Observation& seen) const {
  if (mount.state.certificate.empty()) return;
  const FileStamp& stamp = mount.certificate.stamp;
  seen.certificate_missing = !stamp.exists() || stamp.size == 0;
  const WallTime now = context_.tools.clock.now();
  const CertificateAge age{state::parseCertificateTime(mount.state.certificate_creation_time),
                           mount.certificate.ends,
                           state::parseCertificateTime(mount.state.credentials_expiration)};
  const WallTime due = renewalTime(age, context_.settings.watchdog.certificate_renewal_interval,
                                   mount.renewal_spread, now);
  seen.certificate_due = seen.certificate_missing || now >= due;
  if (!seen.certificate_due) {
    // The wall clock may jump: Watchdog::tick() notices and everything is judged anew.
    seen.certificate_due_in =
        std::chrono::ceil<Duration>(std::min<WallTime::duration>(due - now, kLongest));
  }
}

}  // namespace efs::watchdog
