// The whole simulator: starts everything in order, runs until a signal, takes everything down.
#pragma once

#include <string>
#include <vector>

namespace efs::simulator {

// argv without the program's name. Exit codes: 0 success, 1 failure (one line on stderr), 2 usage.
int run(const std::vector<std::string>& arguments);

}  // namespace efs::simulator
