// Output to whoever started us: standard output and standard error may be a pipe that nobody reads
// or a terminal that was stopped, and neither may hold up a mount.
#pragma once

#include <string_view>

#include "efs/base/clock.h"

namespace efs {

// Writes `text` to descriptor `fd`; gives up the rest when it could not be written within
// `patience`. The mode of the descriptor stays as it is: others share it.
void say(int fd, std::string_view text, Duration patience = Duration(2000));

}  // namespace efs
