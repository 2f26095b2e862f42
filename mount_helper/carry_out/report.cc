#include "carry_out/report.h"

#include "efs/aws/cloudwatch_logs.h"
#include "efs/base/ask_child.h"
#include "efs/base/log.h"

namespace efs::mount_helper {
namespace {

Status putLine(FactFinder& facts, const settings::CloudWatchSettings& settings,
               const std::string& fs_id, const std::string& line) {
  EFS_TRY(region, facts.region());
  EFS_TRY(credentials, facts.credentials(region));
  const aws::LogDestination destination{aws::logGroupName(settings.log_group_name, fs_id),
                                        aws::logStreamName(fs_id, facts.instanceId()),
                                        settings.retention_days};
  return aws::putLogLine(facts.apiAccess(region, credentials), destination, line);
}

}  // namespace

void reportToCloudWatch(FactFinder& facts, const settings::Settings& settings,
                        const std::string& fs_id, const std::string& line, Duration patience) {
  if (!settings.cloudwatch.enabled) return;
  // Its lines go to the log from there: what the chain of credentials has to say is worth as much.
  // A child, because HTTP, DNS and a credential program may each take longer than a mount may be
  // held up.
  const auto answer = askChild(patience, [&](int /*out*/) {
    const auto put = putLine(facts, settings.cloudwatch, fs_id, line);
    if (!put) log::warning("CloudWatch Logs: {}", put.error().describe());
    (void)log::finish(log::kFinishPatience);
    return put ? 0 : 1;
  });
  if (!answer) {
    log::warning("CloudWatch Logs: {}", answer.error().describe());
  } else if (answer->end == ChildAnswer::End::kTimedOut ||
             answer->end == ChildAnswer::End::kCancelled) {
    log::warning("CloudWatch Logs: not done within {} ms, given up", patience.count());
  }
}

}  // namespace efs::mount_helper
