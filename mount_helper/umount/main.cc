#include "efs/base/process_start.h"
#include "umount/umount_session.h"

int main(int argc, char** argv) {
  efs::settleProcess(efs::ProcessKind::kTool);
  return efs::mount_helper::runUmountHelper(std::vector<std::string>(argv, argv + argc));
}
