#include <string>
#include <vector>

#include "efs/log_writer/log_writer.h"

int main(int argc, char** argv) {
  return efs::log_writer::runLogWriter(std::vector<std::string>(argv, argv + argc));
}
