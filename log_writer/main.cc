#include <string>
#include <vector>

#include "efs/base/process_start.h"
#include "efs/log_writer/log_writer.h"

int main(int argc, char** argv) {
  efs::settleProcess(efs::ProcessKind::kDaemon);
  return efs::log_writer::runLogWriter(std::vector<std::string>(argv, argv + argc));
}
