#include "mount_helper.h"

int main(int argc, char** argv) {
  return efs::mount_helper::runMountHelper(std::vector<std::string>(argv, argv + argc));
}
