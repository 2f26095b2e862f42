// The program around the daemon: arguments, help, rights.
#pragma once

#include <string>
#include <vector>

namespace efs::watchdog {

// main() without its ten lines. `arguments` with the program's name first.
int runWatchdog(const std::vector<std::string>& arguments);

}  // namespace efs::watchdog
