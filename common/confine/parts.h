// The parts of a confinement; each takes effect at once and for good. kUnsupported: the kernel or
// the runtime of the container does not offer it.
#pragma once

#include <cstddef>
#include <string>

#include "efs/base/result.h"
#include "efs/confine/confinement.h"

namespace efs::confine {

// None is left, and none comes back through a program that is executed.
Status dropCapabilities();
Status restrictFiles(const FilePlan& plan);
Status restrictCalls();
std::size_t allowedCalls();
// "openat"; "number 999" where the headers of the build did not know it.
std::string syscallName(int number);

}  // namespace efs::confine
