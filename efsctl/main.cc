#include "efs/efsctl/efsctl.h"

int main(int argc, char** argv) {
  return efs::efsctl::runEfsctl(std::vector<std::string>(argv, argv + argc));
}
