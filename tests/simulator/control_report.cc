// What the control socket tells: counters and connections, as JSON.
#include <nlohmann/json.hpp>

#include "control.h"

namespace efs::simulator {

using nlohmann::json;

std::string ControlServer::stats() const {
  json targets = json::array();
  for (const auto& entry : targets_) {
    const TargetStats s = entry->stats();
    json by_access_point = json::object();
    for (const auto& [id, count] : s.by_access_point) by_access_point[id] = count;
    targets.push_back({{"fs", s.fs_id},
                       {"az", s.az},
                       {"ip", s.ip},
                       {"mode", s.mode},
                       {"delay_ms", s.delay_ms},
                       {"connections", s.connections},
                       {"open", s.open},
                       {"probes", s.probes},
                       {"tls", s.tls},
                       {"plain", s.plain},
                       {"handshake_failures", s.handshake_failures},
                       {"refused", s.refused},
                       {"denied", s.denied},
                       {"bytes_in", s.bytes_in},
                       {"bytes_out", s.bytes_out},
                       {"by_access_point", by_access_point},
                       {"binds", s.binds},
                       {"bad_sessions", s.bad_sessions}});
  }
  json servers = json::object();
  for (const auto& [key, pid] : servers_.pids()) servers[key] = pid;
  return json{{"targets", targets}, {"nfs_servers", servers}}.dump();
}

std::string ControlServer::connections() const {
  json list = json::array();
  for (const auto& entry : targets_) {
    for (const auto& c : entry->connections()) {
      const Binding& binding = c.binding;
      list.push_back({{"fs", entry->fsId()},
                      {"az", entry->az()},
                      {"id", c.id},
                      {"peer", c.peer},
                      {"access_point", c.access_point_id},
                      {"tls", c.tls},
                      {"bytes_in", c.bytes_in},
                      {"bytes_out", c.bytes_out},
                      {"bind", binding.answer},
                      {"partition", binding.partition ? json(*binding.partition) : json()},
                      {"identifier", binding.identifier},
                      {"incarnation", binding.incarnation},
                      {"calls", c.calls},
                      {"first_only", c.first_only}});
    }
  }
  return list.dump();
}

}  // namespace efs::simulator
