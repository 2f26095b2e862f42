#include "act/read_ahead.h"

#include "efs/base/text.h"

namespace efs::watchdog {

// By what the kernel says now of each place, not by what we would have set: the size of a read was
// agreed with the server.
void checkReadAhead(const MountRecord& mount, Context& context) {
  for (const mounts::MountEntry* entry : context.view.entries(mount.port)) {
    const auto rsize = parseInt(entry->option("rsize").value_or(""));
    if (!rsize || *rsize <= 0) continue;
    const auto corrected =
        context.tools.kernel.keepReadAhead(entry->device, static_cast<unsigned long>(*rsize));
    if (!corrected) {
      context.tools.log.debug("{}: read-ahead: {}", mount.name, corrected.error().describe());
    } else if (*corrected) {
      context.tools.log.info("Readahead value incorrect for {}, corrected", entry->target);
    }
  }
}

}  // namespace efs::watchdog
