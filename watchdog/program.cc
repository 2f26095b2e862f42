#include "program.h"

#include <unistd.h>

#include <cstdio>
#include <utility>

#include "efs/base/log.h"
#include "efs/base/version.h"
#include "watchdog.h"

namespace efs::watchdog {
namespace {

// For the last lines, after everything else has ended.
constexpr Duration kLogPatience{300};

}  // namespace

int runWatchdog(const std::vector<std::string>& arguments) {
  const std::string program = arguments.empty() ? kProgramName : arguments.front();
  auto options = Options::parse({arguments.begin() + (arguments.empty() ? 0 : 1), arguments.end()});
  if (!options) {
    std::fprintf(stderr, "%s: %s\n%s", kProgramName, options.error().describe().c_str(),
                 helpText(program).c_str());
    return 2;
  }
  if (options->task == Options::Task::kShowHelp) {
    std::fputs(helpText(program).c_str(), stdout);
    return 0;
  }
  if (options->task == Options::Task::kShowVersion) {
    std::fputs(versionLine(program).c_str(), stdout);
    return 0;
  }
  if (::geteuid() != 0) {
    std::fputs("only root can run amazon-efs-mount-watchdog\n", stderr);
    return 1;
  }
  const SystemClock clock;
  auto loop = loop::EventLoop::create(clock);
  if (!loop) {
    std::fprintf(stderr, "%s: %s\n", kProgramName, loop.error().describe().c_str());
    return 1;
  }
  const int code = Watchdog(std::move(*options), clock, std::move(*loop)).run();
  (void)log::finish(kLogPatience);
  return code;
}

}  // namespace efs::watchdog
