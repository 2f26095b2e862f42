// LogPlace: where a program's lines go, as programs and writer tell each other (log_wire.h).
#pragma once

#include <cstddef>
#include <string>

#include "efs/base/log_line.h"

namespace efs::log {

// Which file, and when it makes room for the next: at max_bytes it becomes <path>.1 ...
// <path>.<count> (helper) or <path>.0 ... (tunnel). max_bytes 0: never.
struct LogPlace {
  std::string path;
  Form form = Form::kHelper;
  std::size_t max_bytes = 1048576;
  int file_count = 10;
};

}  // namespace efs::log
