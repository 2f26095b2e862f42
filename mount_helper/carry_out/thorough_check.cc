#include "carry_out/thorough_check.h"

#include <unistd.h>

#include <string>
#include <vector>

#include "carry_out/outcome.h"
#include "efs/base/output.h"
#include "efs/base/subprocess.h"
#include "efs/tunnel_control/tunnel_launcher.h"

namespace efs::mount_helper {
namespace {

// Each of the two ends by itself within ten seconds, on a machine that is not overloaded.
constexpr Duration kPatience{15000};

Result<int> runTool(const std::string& tool, const std::string& what, const CommandLine& command) {
  SpawnOptions options;
  options.argv = {tool,
                  what,
                  "-t",
                  std::string(factsOf(command.kind).type),
                  "-o",
                  command.options,
                  "--",
                  command.device,
                  command.mountpoint};
  options.fds = {{STDOUT_FILENO, STDOUT_FILENO}, {STDERR_FILENO, STDERR_FILENO}};
  EFS_TRY(process, Subprocess::spawn(options));
  EFS_TRY(ended, process.wait(kPatience));
  if (ended) return ended->code;
  process.killAndReap();
  return Error(ErrorKind::kTimeout, tool + " " + what + " did not end in time");
}

}  // namespace

int checkThoroughly(const CommandLine& command) {
  Result<int> examined = 0;
  if (const auto tool = tunnel_control::findProgram("efsctl")) {
    // First what would be done, which asks nothing, then what stands in the way.
    examined = runTool(*tool, "explain", command);
    if (examined) examined = runTool(*tool, "doctor", command);
  } else {
    examined = tool.error();
  }
  if (examined) return *examined == 0 ? 0 : kFatal;
  say(STDERR_FILENO, helperName(command.kind) + ": " + examined.error().describe() + "\n");
  return kFatal;
}

}  // namespace efs::mount_helper
