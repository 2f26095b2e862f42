#include "utab.h"

#include <libmount.h>

#include <cerrno>

namespace efs::mounts {

UtabNote::UtabNote() : context_(mnt_new_context()) {}

UtabNote::~UtabNote() { mnt_free_context(context_); }

int UtabNote::prepare(const std::string& source, const std::string& target,
                      const std::string& options) {
  if (context_ == nullptr) return ENOMEM;
  if (mnt_context_disable_helpers(context_, 1) != 0 ||
      mnt_context_disable_canonicalize(context_, 1) != 0 ||
      mnt_context_set_fstype(context_, "nfs4") != 0 ||
      mnt_context_set_source(context_, source.c_str()) != 0 ||
      mnt_context_set_target(context_, target.c_str()) != 0 ||
      mnt_context_set_options(context_, options.c_str()) != 0) {
    return ENOMEM;
  }
  const int status = mnt_context_prepare_mount(context_);
  if (status == 0) return 0;
  // libmount's own codes begin at 5000.
  return status < 0 && status > -1000 ? -status : EINVAL;
}

void UtabNote::finish() {
  (void)mnt_context_set_syscall_status(context_, 0);
  (void)mnt_context_finalize_mount(context_);
}

}  // namespace efs::mounts
