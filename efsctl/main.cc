#include "efs/base/process_start.h"
#include "efs/efsctl/efsctl.h"

int main(int argc, char** argv) {
  efs::settleProcess(efs::ProcessKind::kTool);
  return efs::efsctl::runEfsctl(std::vector<std::string>(argv, argv + argc));
}
