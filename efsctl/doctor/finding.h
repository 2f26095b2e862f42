// Finding: what one step of the doctor saw, and what is to be done about it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "efs/base/clock.h"

namespace efs::efsctl {

// kSkip: the step could not be taken, or there is nothing to look at; never a reason to worry.
enum class Verdict { kPass, kSkip, kWarn, kFail };
std::string_view verdictName(Verdict verdict);  // "pass"

struct Finding {
  std::string step;  // "name servers"
  Verdict verdict = Verdict::kPass;
  std::string seen;
  std::string todo;    // empty: nothing
  Duration at{0};      // since the doctor began
  std::string target;  // whose step it is, as the user named it; empty: the host's
};

// The worst of all; kPass for none.
Verdict worstOf(const std::vector<Finding>& findings);
// The first step that fails, in the order of the list: the others may follow from it.
const Finding* causeOf(const std::vector<Finding>& findings);

// One line of what a check's process tells (check_runner.h).
struct CheckWord {
  enum class Kind {
    kBegins,   // `finding.step` is under way
    kFinding,  // `finding`
    kProcess,  // `pid` works for the check and shall not outlive it
    kEnd,
  };
  Kind kind = Kind::kEnd;
  Finding finding;
  int pid = 0;
  bool work = false;  // of kBegins: the step asks nobody, it only takes the time of this host

  std::string encode() const;  // with LF
  static std::optional<CheckWord> decode(std::string_view line);
};

}  // namespace efs::efsctl
