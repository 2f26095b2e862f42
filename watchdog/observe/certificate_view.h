// CertificateView: what a mount's certificate file says, and when it has to be renewed.
#pragma once

#include "mounts/context.h"

namespace efs::watchdog {

class CertificateView {
 public:
  explicit CertificateView(Context& context) : context_(context) {}

  // Reads the file if it is another one than before.
  void refresh(MountRecord& mount) const;
  // Fills the certificate_* parts from what was read.
  void observe(const MountRecord& mount, Observation& seen) const;

 private:
  Context& context_;
};

}  // namespace efs::watchdog
