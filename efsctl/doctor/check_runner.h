// Checks side by side, each in a process of its own: one that hangs, or waits in the kernel for a
// silent server, holds up neither the others nor the doctor, who leaves it behind.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "doctor/finding.h"
#include "efs/base/clock.h"
#include "efs/base/error.h"

namespace efs::efsctl {

// By what a check tells its findings, step by step.
class Reporter {
 public:
  // Lines go to `fd` (CheckWord). `begun`: when the doctor began.
  Reporter(int fd, const Clock& clock, MonoTime begun, std::string target);

  // The next findings are of this step; if it never ends, it is named.
  void begin(std::string step);
  // The same for a step that asks nobody but only computes: one that never ends is no fault of
  // anybody, this host has too much to do.
  void beginWork(std::string step);
  void pass(std::string seen);
  void skip(std::string seen);
  void warn(std::string seen, std::string todo);
  void fail(std::string seen, std::string todo);
  // `otherwise`: what to do where the error has no hint.
  void fail(const Error& error, const std::string& otherwise) {
    fail(error.message(), error.hint().empty() ? otherwise : error.hint());
  }
  // A process that shall not outlive the check.
  void owns(int pid);
  void end();

 private:
  void tellBegin(std::string step, bool work);
  void tell(CheckWord::Kind kind, Verdict verdict, std::string seen, std::string todo);
  int fd_;
  const Clock& clock_;
  MonoTime begun_;
  std::string target_;
  std::string step_;
};

struct Check {
  std::string name;
  std::string target;  // Finding::target of all its steps
  std::function<void(Reporter& reporter)> body;
  // False: it asks somebody whom a mount does not need, whose silence is no failure.
  bool vital = true;
};

// Runs them all at once and returns their findings in the order of `checks`; what has not ended
// after `limit` is killed, and its step fails as one that does not answer (or is skipped, where it
// is not vital; or is a warning, where it was at work). `progress` is called with each finding as
// it comes. For single-threaded callers.
std::vector<Finding> runChecks(const std::vector<Check>& checks, const Clock& clock, Duration limit,
                               const std::function<void(const Finding&)>& progress);

}  // namespace efs::efsctl
