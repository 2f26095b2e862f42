// Mount options that nobody knows: the kernel answers EINVAL without a name (its word goes to
// dmesg, which a container cannot read), so the helper guesses which one was mistyped.
#pragma once

#include <string>

#include "efs/mounts/mount_options.h"

namespace efs::mount_helper {

// `"accespoint" is no option of efs or nfs, did you mean "accesspoint"?` for the first three such
// words of the options left for the kernel; empty when every word is known or like none that is.
std::string spellingHint(const mounts::OptionList& options,
                         FileSystemKind kind = FileSystemKind::kEfs);

}  // namespace efs::mount_helper
