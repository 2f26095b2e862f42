// efsctl as a function: main() and tests call it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace efs::efsctl {

// Exit codes of every subcommand.
inline constexpr int kHealthy = 0;
inline constexpr int kDegraded = 1;
inline constexpr int kFailed = 2;  // usage, rights, or nothing could be found out

int runEfsctl(const std::vector<std::string>& argv);

// The subcommand a mistyped word most likely means; empty when none is near.
std::string nearestCommand(std::string_view word);

}  // namespace efs::efsctl
