// Findings -> words.
#pragma once

#include <string>
#include <vector>

#include "doctor/finding.h"

namespace efs::efsctl {

struct DoctorReport {
  WallTime now;
  Duration took{0};
  std::vector<Finding> findings;
};

// One finding: two lines where something is to be done. `colours`: for a terminal.
std::string findingText(const Finding& finding, bool colours);
// The last lines: the verdict, and the step to begin with.
std::string verdictText(const DoctorReport& report);
std::string doctorJson(const DoctorReport& report);

}  // namespace efs::efsctl
