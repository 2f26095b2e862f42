// Network: file systems and their mount targets, one address for each zone.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace efs::watchdog::simulation {

enum class TargetState { kServing, kSilent, kRefusing };

struct FileSystem {
  std::string id;
  std::string home;                 // address of the own zone's target, which its name leads to
  std::vector<std::string> others;  // of other zones
  std::uint64_t roots = 1;          // one more when the roots of all mounts before are gone
};

class Network {
 public:
  FileSystem& add(const std::string& id);
  std::map<std::string, FileSystem>& fileSystems() { return file_systems_; }
  FileSystem& of(const std::string& id) { return file_systems_.at(id); }

  static std::string nameOf(const std::string& id);
  // Empty: no such name.
  std::string resolve(const std::string& host) const;
  TargetState stateOf(const std::string& address) const;
  void set(const std::string& address, TargetState state) { states_[address] = state; }
  // The target of its own zone is another one from now on; the old address is left as `old`.
  void move(FileSystem& system, TargetState old);
  // Every target that a name leads to serves again.
  void heal();

 private:
  std::string newAddress();

  std::map<std::string, FileSystem> file_systems_;
  std::map<std::string, TargetState> states_;
  int addresses_ = 0;
};

}  // namespace efs::watchdog::simulation
