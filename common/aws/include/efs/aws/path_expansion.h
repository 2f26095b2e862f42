// What botocore makes of the paths of its two files (os.path.expandvars). Pure.
#pragma once

#include <string>

#include "efs/base/environment.h"

namespace efs::aws {

// $NAME and ${NAME} become the variable's value; where there is none they stay as they are.
std::string expandVariables(const std::string& path, const Environment& environment);

}  // namespace efs::aws
