#include "efs/base/process_start.h"
#include "mount_helper.h"

int main(int argc, char** argv) {
  efs::settleProcess(efs::ProcessKind::kTool);
  return efs::mount_helper::runMountHelper(std::vector<std::string>(argv, argv + argc));
}
