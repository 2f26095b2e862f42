#include "program.h"

int main(int argc, char** argv) {
  return efs::watchdog::runWatchdog(std::vector<std::string>(argv, argv + argc));
}
