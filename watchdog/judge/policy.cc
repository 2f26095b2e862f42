#include "judge/policy.h"

namespace efs::watchdog {

Policy policyOf(const settings::Settings& settings) {
  const auto& watchdog = settings.watchdog;
  Policy policy;
  policy.blind_unmount_delay = watchdog.poll_interval * watchdog.unmount_count_for_consistency +
                               watchdog.unmount_grace_period;
  policy.health.hang = watchdog.health_check_enabled ? watchdog.hang_detection : Duration(0);
  policy.health.move = watchdog.az_failover;
  policy.health.target_failure = watchdog.az_failover_after;
  policy.health.remount_stale = watchdog.health_check_enabled && watchdog.remount_stale;
  policy.health.remount_after = watchdog.remount_after;
  policy.keep_read_ahead = settings.mount.optimize_readahead;
  return policy;
}

}  // namespace efs::watchdog
