#include "efs/confine/confinement.h"

#include <fmt/core.h>
#include <sys/prctl.h>

#include "efs/base/text.h"
#include "parts.h"

namespace efs::confine {

std::string Confinement::describe() const {
  std::vector<std::string> parts;
  if (capabilities) parts.emplace_back("no capabilities");
  if (files) parts.emplace_back("its own files only");
  if (calls) parts.push_back(fmt::format("{} system calls", allowedCalls()));
  return parts.empty() ? "nothing" : join(parts, ", ");
}

// Files before calls, which leave no way to restrict files; capabilities first, because both others
// work without them.
Confinement confine(const FilePlan& files) {
  Confinement made;
  (void)::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  const auto take = [&](bool& in_force, const Status& status) {
    in_force = status.has_value();
    if (!status) made.missing.push_back(status.error().describe());
  };
  take(made.capabilities, dropCapabilities());
  take(made.files, restrictFiles(files));
  take(made.calls, restrictCalls());
  return made;
}

}  // namespace efs::confine
