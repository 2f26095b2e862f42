// The JSON of watchdog_link.h; the sockets are in watchdog_link.cc.
#include <algorithm>
#include <array>
#include <limits>
#include <nlohmann/json.hpp>

#include "efs/base/text.h"
#include "efs/state/mount_state.h"
#include "efs/tunnel_control/watchdog_link.h"

namespace efs::tunnel_control {
namespace {

using Json = nlohmann::json;

constexpr int kVersion = 1;

struct Operation {
  WatchdogRequest::Op op;
  const char* word;
  bool has_name;
};
constexpr std::array<Operation, 4> kOperations = {{
    {WatchdogRequest::Op::kPing, "ping", false},
    {WatchdogRequest::Op::kListener, "listener", true},
    {WatchdogRequest::Op::kUnmounted, "unmounted", true},
    {WatchdogRequest::Op::kStatus, "status", false},
}};

Error badMessage(const std::string& why) {
  return {ErrorKind::kInvalidInput, "watchdog message: " + why};
}

// An object of the right version, within the size limit.
Result<Json> parseMessage(std::string_view text) {
  if (text.size() > kMaxMessage) return badMessage("longer than 4096 bytes");
  Json message = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!message.is_object()) return badMessage("not a JSON object");
  const auto version = message.find("v");
  if (version == message.end() || *version != kVersion) return badMessage("unknown version");
  return message;
}

std::string textOf(const Json& message, const char* key) {
  const auto at = message.find(key);
  return at != message.end() && at->is_string() ? at->get<std::string>() : std::string();
}

std::string dump(const Json& message) {
  return message.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

std::string WatchdogRequest::encode() const {
  const auto known = std::find_if(kOperations.begin(), kOperations.end(),
                                  [this](const auto& entry) { return entry.op == op; });
  Json message{{"v", kVersion}, {"op", known->word}};
  if (known->has_name) message["name"] = name;
  return dump(message);
}

Result<WatchdogRequest> WatchdogRequest::decode(std::string_view json) {
  EFS_TRY(message, parseMessage(json));
  WatchdogRequest request;
  const std::string op = textOf(message, "op");
  const auto known = std::find_if(kOperations.begin(), kOperations.end(),
                                  [&op](const auto& entry) { return op == entry.word; });
  if (known == kOperations.end()) {
    return badMessage("unknown operation \"" + printable(op, 40) + "\"");
  }
  request.op = known->op;
  if (!known->has_name) return request;
  request.name = textOf(message, "name");
  if (!state::parseMountName(request.name)) return badMessage("no valid mount name");
  return request;
}

std::string WatchdogReply::encode() const {
  Json message{{"v", kVersion}, {"ok", ok}};
  // A control character takes six bytes in JSON; 500 of them still fit into a message.
  if (!error.empty()) message["error"] = error.substr(0, 500);
  if (pid) message["pid"] = *pid;
  return dump(message);
}

Result<WatchdogReply> WatchdogReply::decode(std::string_view json) {
  EFS_TRY(message, parseMessage(json));
  const auto ok = message.find("ok");
  if (ok == message.end() || !ok->is_boolean()) return badMessage("no \"ok\"");
  WatchdogReply reply;
  reply.ok = ok->get<bool>();
  reply.error = textOf(message, "error");
  const auto pid = message.find("pid");
  if (pid != message.end()) {
    if (!pid->is_number_unsigned() ||
        pid->get<std::uint64_t>() > static_cast<unsigned>(std::numeric_limits<int>::max())) {
      return badMessage("\"pid\" is not a process id");
    }
    reply.pid = pid->get<int>();
  }
  return reply;
}

}  // namespace efs::tunnel_control
