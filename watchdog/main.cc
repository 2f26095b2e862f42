#include "efs/base/process_start.h"
#include "program.h"

int main(int argc, char** argv) {
  efs::settleProcess(efs::ProcessKind::kDaemon);
  return efs::watchdog::runWatchdog(std::vector<std::string>(argv, argv + argc));
}
