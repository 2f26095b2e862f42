#include "carry_out/stage_log.h"

#include <sys/resource.h>

#include "efs/base/log.h"

namespace efs::mount_helper {
namespace {

using Milliseconds = std::chrono::duration<double, std::milli>;

std::chrono::microseconds durationOf(const timeval& time) {
  return std::chrono::seconds(time.tv_sec) + std::chrono::microseconds(time.tv_usec);
}

}  // namespace

void StageLog::end(const char* stage) {
  // Before the system calls: they are for measurements only.
  if (!log::enabled(log::Level::kDebug)) return;
  const MonoTime now = clock_.monotonic();
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto computed = durationOf(usage.ru_utime) + durationOf(usage.ru_stime);
  log::debug("stage {}: {:.2f} ms, {:.2f} ms computing, peak {} KiB", stage,
             Milliseconds(now - begin_).count(), Milliseconds(computed - computed_).count(),
             usage.ru_maxrss);
  begin_ = now;
  computed_ = computed;
}

}  // namespace efs::mount_helper
