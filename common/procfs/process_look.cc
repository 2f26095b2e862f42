#include "efs/procfs/process_look.h"

namespace efs::procfs {

Error judged(Look look, Error error) {
  switch (meaningOf(look, error.osError())) {
    case Meaning::kNotIt:
      return error.setKind(ErrorKind::kNotFound);
    case Meaning::kForbidden:
      error.addHint("it may not be looked at: CAP_SYS_PTRACE, hidepid or a sandbox");
      return error.setKind(ErrorKind::kPermission);
    case Meaning::kShortage:
      break;
  }
  return error.setKind(ErrorKind::kIo);
}

}  // namespace efs::procfs
