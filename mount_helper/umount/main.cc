#include "umount/umount_session.h"

int main(int argc, char** argv) {
  return efs::mount_helper::runUmountHelper(std::vector<std::string>(argv, argv + argc));
}
