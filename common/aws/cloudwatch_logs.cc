#include "efs/aws/cloudwatch_logs.h"

#include <nlohmann/json.hpp>

#include "api_call.h"
#include "efs/base/text.h"

namespace efs::aws {
namespace {

using Json = nlohmann::json;

Status call(const ApiAccess& access, const std::string& action, const Json& body) {
  http::HttpRequest request;
  request.method = "POST";
  request.url = "/";
  request.headers = {{"Content-Type", "application/x-amz-json-1.1"},
                     {"X-Amz-Target", "Logs_20140328." + action}};
  // Text that is not UTF-8 is replaced, not refused.
  request.body = body.dump(-1, ' ', false, Json::error_handler_t::replace);
  auto reply = callApi(access, Service::kLogs, std::move(request)).withContext(action);
  if (!reply) return unexpected(std::move(reply.error()));
  return {};
}

bool tells(const Status& status, std::string_view code) {
  return !status && status.error().message().find(code) != std::string::npos;
}

Status create(const ApiAccess& access, const std::string& action, const Json& body) {
  auto made = call(access, action, body);
  if (tells(made, "ResourceAlreadyExistsException")) return {};
  return made;
}

Status setRetention(const ApiAccess& access, const LogDestination& to) {
  if (!to.retention_days)
    return call(access, "DeleteRetentionPolicy", {{"logGroupName", to.group}});
  return call(access, "PutRetentionPolicy",
              {{"logGroupName", to.group}, {"retentionInDays", *to.retention_days}});
}

}  // namespace

std::string logStreamName(const std::string& fs_id, const std::string& instance_id) {
  std::vector<std::string> parts;
  for (const auto& part : {fs_id, instance_id}) {
    if (!part.empty()) parts.push_back(part);
  }
  if (parts.empty()) parts.emplace_back("default");
  parts.emplace_back("mount.log");
  return join(parts, " - ");
}

std::string logGroupName(const std::string& configured, const std::string& fs_id) {
  if (!fs_id.empty()) return replaceAll(configured, "{fs_id}", fs_id);
  return replaceAll(replaceAll(configured, "/{fs_id}", ""), "{fs_id}", "");
}

Status putLogLine(const ApiAccess& access, const LogDestination& to, const std::string& line) {
  const auto since_epoch = access.clock.now().time_since_epoch();
  const Json event{{"timestamp", std::chrono::duration_cast<Duration>(since_epoch).count()},
                   {"message", line}};
  const Json events{{"logGroupName", to.group},
                    {"logStreamName", to.stream},
                    {"logEvents", Json::array({event})}};
  auto written = call(access, "PutLogEvents", events);
  if (tells(written, "ResourceNotFoundException")) {
    EFS_CHECK(create(access, "CreateLogGroup", {{"logGroupName", to.group}}));
    EFS_CHECK(create(access, "CreateLogStream",
                     {{"logGroupName", to.group}, {"logStreamName", to.stream}}));
    written = call(access, "PutLogEvents", events);
  }
  EFS_CHECK(std::move(written));
  return setRetention(access, to);
}

}  // namespace efs::aws
