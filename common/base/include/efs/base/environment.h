// Environment variables: the process's own, behind the type that tests replace.
#pragma once

#include <functional>
#include <optional>
#include <string>

namespace efs {

// Gives a variable's value; nullopt where it is absent or empty.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;

// The process's environment; an empty variable counts as absent.
std::optional<std::string> environmentVariable(const std::string& name);

// "true" in any case, blanks around it ignored: how AWS reads its switches.
bool saysTrue(const std::optional<std::string>& value);

}  // namespace efs
