// What the doctor looks at on the way to one file system, up to the kernel's first question.
#pragma once

#include <vector>

#include "doctor/check_runner.h"
#include "doctor/doctor_target.h"
#include "doctor/host_checks.h"

namespace efs::efsctl {

// `number`: another one for each target, for names of its files.
std::vector<Check> targetChecks(const DoctorWorld& world, const DoctorTarget& target, int number);

}  // namespace efs::efsctl
