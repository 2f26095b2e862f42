// TargetSwitch: to which mount target a tunnel connects, changed in its configuration file. Every
// other line stays as it is; the name that the server's certificate must bear (checkHost) above
// all. The own target is kept in a key of ours, `connect_home`, which other readers ignore.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "efs/base/result.h"

namespace efs::watchdog {

// The line `connect_home` of a tunnel's configuration; nullopt: it uses its own target.
std::optional<std::string> homeTarget(std::string_view config);
// The same configuration with another host in `connect`; a first move remembers the own target.
// kInvalidInput: no `connect` line, or a host that is none.
Result<std::string> moveTo(std::string_view config, std::string_view host);
// Back to the own target. kNotFound: it is there.
Result<std::string> moveHome(std::string_view config);

}  // namespace efs::watchdog
