#include <nlohmann/json.hpp>
#include <set>

#include "api_services.h"

namespace efs::simulator {
namespace {

using nlohmann::json;

ApiReply notFound() {
  return logsError(400, "ResourceNotFoundException", "The specified log group does not exist.");
}

ApiReply done(const json& body = json::object()) {
  return {200, "application/x-amz-json-1.1", body.dump()};
}

ApiReply putEvents(const json& body, World& world) {
  const std::string group = body.at("logGroupName").get<std::string>();
  const std::string stream = body.at("logStreamName").get<std::string>();
  for (const auto& event : body.at("logEvents")) {
    (void)event.at("timestamp").get<std::int64_t>();
    if (!world.api.putEvent({group, stream, event.at("message").get<std::string>()}))
      return notFound();
  }
  return done();
}

ApiReply putRetention(const json& body, World& world) {
  static const std::set<int> kAllowed{1,   3,   5,   7,   14,   30,   60,   90,   120,  150,  180,
                                      365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653};
  const int days = body.at("retentionInDays").get<int>();
  if (kAllowed.count(days) == 0) return logsError(400, "InvalidParameterException", "retention");
  return world.api.setRetention(body.at("logGroupName"), days) ? done() : notFound();
}

ApiReply dispatch(const std::string& action, const json& body, World& world) {
  if (action == "CreateLogGroup") {
    return world.api.createGroup(body.at("logGroupName"))
               ? done()
               : logsError(400, "ResourceAlreadyExistsException", "exists");
  }
  if (action == "CreateLogStream") {
    bool group_exists = false;
    if (world.api.createStream(body.at("logGroupName"), body.at("logStreamName"), group_exists))
      return done();
    return group_exists ? logsError(400, "ResourceAlreadyExistsException", "exists") : notFound();
  }
  if (action == "PutLogEvents") return putEvents(body, world);
  if (action == "PutRetentionPolicy") return putRetention(body, world);
  if (action == "DeleteRetentionPolicy") {
    return world.api.setRetention(body.at("logGroupName"), std::nullopt) ? done() : notFound();
  }
  return logsError(400, "UnknownOperationException", action);
}

}  // namespace

ApiReply logsError(int status, const std::string& code, const std::string& message) {
  return {status, "application/x-amz-json-1.1",
          json{{"__type", code}, {"message", message}}.dump()};
}

ApiReply answerLogs(const ApiRequest& request, World& world) {
  const std::string target = request.header("x-amz-target");
  if (request.header("content-type") != "application/x-amz-json-1.1") {
    return logsError(400, "SerializationException", "content type");
  }
  try {
    return dispatch(target.substr(target.find('.') + 1), json::parse(request.body), world);
  } catch (const json::exception& error) {
    return logsError(400, "SerializationException", error.what());
  }
}

}  // namespace efs::simulator
