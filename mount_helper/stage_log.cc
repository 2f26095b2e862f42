#include "efs/mount_helper/stage_log.h"

#include "efs/base/log.h"

namespace efs::mount_helper {

void StageLog::end(const char* stage) {
  const MonoTime now = clock_.monotonic();
  const std::clock_t computed = std::clock();
  const std::chrono::duration<double, std::milli> passed = now - begin_;
  const double computing = 1e3 * static_cast<double>(computed - computed_) / CLOCKS_PER_SEC;
  log::debug("stage {}: {:.2f} ms, {:.2f} ms computing", stage, passed.count(), computing);
  begin_ = now;
  computed_ = computed;
}

}  // namespace efs::mount_helper
