// What of a mount's environment its renewals need: everything that decides where credentials are
// looked for and how AWS is reached, never a secret (contract CSI-20). Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "efs/base/environment.h"

namespace efs::aws {

// Paths become absolute at `directory`, except those that begin with "~", and those of
// the two files of profiles without their $NAME; user and password of a
// URL are left out.
Variables rememberedEnvironment(const Environment& environment, const std::string& directory);

// Of what stands in a state file only names that rememberedEnvironment() gives.
Variables onlyRemembered(const Variables& variables);

// The variables of a proxy whose user and password are not kept: for a warning.
std::vector<std::string> proxiesWithUser(const Environment& environment);

// All names that a daemon must not have of its own while it renews for a mount: patterns for
// takeVariables().
std::vector<std::string> credentialVariables();

}  // namespace efs::aws
