// The command line of amazon-efs-mount-watchdog (contract WD-1). Without arguments it watches the
// standard places; the long options are for tests and unusual installations.
#pragma once

#include <string>
#include <vector>

#include "efs/base/log.h"
#include "efs/base/result.h"

namespace efs::watchdog {

struct Options {
  enum class Task { kWatch, kShowVersion, kShowHelp };
  Task task = Task::kWatch;
  std::string state_dir;  // defaults: the libraries' constants
  std::string config;
  std::string log_dir = log::kDirectory;
  std::string mountinfo;  // a file instead of the kernel's mount table; empty: the kernel's
  std::string proc_net = "/proc/self/net";
  std::string mountstats = "/proc/self/mountstats";
  std::string kept;   // directory of the copies of kept_configuration.h
  std::string locks;  // a file instead of /proc/locks; empty: the kernel's

  // kInvalidInput: an argument that is not known or lacks its value.
  static Result<Options> parse(const std::vector<std::string>& arguments);
};

std::string helpText(const std::string& program);

}  // namespace efs::watchdog
