#include "api_state.h"

#include <nlohmann/json.hpp>

#include "efs/base/text.h"

namespace efs::simulator {

Status ApiState::setFault(const std::string& service, const std::vector<std::string>& words) {
  using Kind = ApiFault::Kind;
  static const std::map<std::string, Kind> kPlain{{"ok", Kind::kNone},
                                                  {"garbage", Kind::kGarbage},
                                                  {"huge", Kind::kHuge},
                                                  {"reset", Kind::kReset},
                                                  {"truncated", Kind::kTruncated},
                                                  {"blackhole", Kind::kBlackhole},
                                                  {"redirect", Kind::kRedirect}};
  ApiFault fault;
  const std::string verb = words.size() == 2 ? words[0] : "";
  const auto number = words.size() == 2 ? parseInt(words[1]).value_or(-1) : -1;
  const auto plain = words.size() == 1 ? kPlain.find(words[0]) : kPlain.end();
  if (plain != kPlain.end()) {
    fault.kind = plain->second;
  } else if (verb == "status" && number >= 100 && number <= 599) {
    fault.kind = Kind::kStatus;
    fault.status = static_cast<int>(number);
  } else if (verb == "slow" && number >= 0 && number <= 600000) {
    fault.delay_ms = static_cast<int>(number);
  } else {
    return Error(ErrorKind::kInvalidInput,
                 "usage: api efs|ec2|logs ok|status <n>|slow <ms>|garbage|huge|truncated|reset|"
                 "blackhole|redirect");
  }
  const std::lock_guard lock(mutex_);
  faults_[service] = fault;
  return {};
}

ApiFault ApiState::fault(const std::string& service) const {
  const std::lock_guard lock(mutex_);
  const auto found = faults_.find(service);
  return found == faults_.end() ? ApiFault() : found->second;
}

void ApiState::countRequest(const std::string& service) {
  const std::lock_guard lock(mutex_);
  ++requests_[service];
}

std::map<std::string, int> ApiState::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

bool ApiState::createGroup(const std::string& group) {
  const std::lock_guard lock(mutex_);
  return groups_.emplace(group, std::nullopt).second;
}

bool ApiState::createStream(const std::string& group, const std::string& stream,
                            bool& group_exists) {
  const std::lock_guard lock(mutex_);
  group_exists = groups_.count(group) != 0;
  return group_exists && streams_.emplace(group, stream).second;
}

bool ApiState::setRetention(const std::string& group, std::optional<int> days) {
  const std::lock_guard lock(mutex_);
  const auto found = groups_.find(group);
  if (found == groups_.end()) return false;
  found->second = days;
  return true;
}

bool ApiState::putEvent(const LogEvent& event) {
  constexpr std::size_t kMostEvents = 10000;
  const std::lock_guard lock(mutex_);
  if (streams_.count({event.group, event.stream}) == 0) return false;
  if (events_.size() < kMostEvents) events_.push_back(event);
  return true;
}

std::string ApiState::logs() const {
  const std::lock_guard lock(mutex_);
  nlohmann::json out{{"events", nlohmann::json::array()}, {"retention", nlohmann::json::object()}};
  for (const auto& event : events_) {
    out["events"].push_back(
        {{"group", event.group}, {"stream", event.stream}, {"message", event.message}});
  }
  for (const auto& [group, days] : groups_) {
    out["retention"][group] = days ? nlohmann::json(*days) : nlohmann::json(nullptr);
  }
  return out.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace efs::simulator
