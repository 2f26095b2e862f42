#include "network.h"

namespace efs::watchdog::simulation {
namespace {

constexpr const char* kDomain = ".efs.eu-west-1.amazonaws.com";

}  // namespace

std::string Network::newAddress() {
  ++addresses_;
  return "10.0." + std::to_string(addresses_ / 250) + "." + std::to_string(1 + addresses_ % 250);
}

FileSystem& Network::add(const std::string& id) {
  FileSystem& system = file_systems_[id];
  system.id = id;
  system.home = newAddress();
  system.others = {newAddress(), newAddress()};
  return system;
}

std::string Network::nameOf(const std::string& id) { return id + kDomain; }

std::string Network::resolve(const std::string& host) const {
  const std::string domain = kDomain;
  const bool is_name = host.size() > domain.size() &&
                       host.compare(host.size() - domain.size(), domain.size(), domain) == 0;
  if (!is_name) return host;
  const auto found = file_systems_.find(host.substr(0, host.size() - domain.size()));
  return found == file_systems_.end() ? "" : found->second.home;
}

TargetState Network::stateOf(const std::string& address) const {
  const auto found = states_.find(address);
  return found == states_.end() ? TargetState::kServing : found->second;
}

void Network::move(FileSystem& system, TargetState old) {
  set(system.home, old);
  system.home = newAddress();
}

void Network::heal() {
  for (const auto& [id, system] : file_systems_) {
    states_.erase(system.home);
    for (const auto& other : system.others) states_.erase(other);
  }
}

}  // namespace efs::watchdog::simulation
