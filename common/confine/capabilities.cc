#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "parts.h"

namespace efs::confine {
namespace {

// More than any kernel has; beyond its last one prctl(2) says EINVAL.
constexpr int kMost = 64;

}  // namespace

Status dropCapabilities() {
  (void)::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  // Needs CAP_SETPCAP; who lacks it has a smaller set already, and no_new_privs keeps it from
  // getting what is in it.
  for (int capability = 0; capability < kMost; ++capability)
    (void)::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, 2> none{};
  if (::syscall(SYS_capset, &header, none.data()) != 0)
    return Error::fromErrno(errno, "giving up capabilities");
  return {};
}

}  // namespace efs::confine
