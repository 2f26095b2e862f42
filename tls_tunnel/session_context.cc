#include "efs/tls_tunnel/session_context.h"

#include "efs/base/log.h"

namespace efs::tls_tunnel {

void refreshAuthorities(tls::TlsClientContext& tls) {
  const auto fresh = tls.refreshAuthorities();
  if (!fresh) {
    log::error("New certificate authorities refused, the old ones stay: {}",
               fresh.error().describe());
  } else if (*fresh) {
    log::info("Certificate authorities read again");
  } else {
    return;
  }
  tellIfReadOnce(tls);
}

void tellIfReadOnce(const tls::TlsClientContext& tls) {
  if (!tls.authoritiesReadOnce()) return;
  log::warning(
      "Certificate authorities are read once: their file system may not answer later; a new tunnel "
      "reads them again");
}

}  // namespace efs::tls_tunnel
