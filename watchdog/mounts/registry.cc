#include "mounts/registry.h"

#include <algorithm>
#include <utility>

namespace efs::watchdog {
namespace {

constexpr Duration kLongestScanPause{1000};
constexpr Duration kBlindRetry{5000};

}  // namespace

// In a storm of changes one look serves many: at most a tenth of the time is spent on it.
bool Registry::scanIfDue() {
  const MonoTime begin = context_.tools.clock.monotonic();
  if (!context_.scan_due || begin < earliest_scan_) return false;
  context_.scan_due = false;
  blind_ = false;
  scan();
  const MonoTime end = context_.tools.clock.monotonic();
  earliest_scan_ = end + std::min<MonoTime::duration>(9 * (end - begin), kLongestScanPause);
  if (!blind_) {
    context_.novelty.clear("blind");
    return true;
  }
  context_.scan_due = true;
  const bool waiting =
      std::any_of(context_.records.begin(), context_.records.end(),
                  [](const auto& entry) { return entry.second.blind && entry.second.unaccepted; });
  earliest_scan_ = end + (waiting ? kUnacceptedRetry : kBlindRetry);
  return true;
}

void Registry::scan() {
  table_fresh_ = false;
  // Pending names first: a file renamed in between is then seen twice rather than never.
  const auto pending = context_.store.pendingNames();
  const auto finished = context_.store.mountNames();
  if (!pending || !finished) {
    const Error& error = pending ? finished.error() : pending.error();
    context_.tools.log.error("the state directory cannot be read: {}", error.describe());
    context_.directory_unreadable = blind_ = true;
    return;
  }
  context_.directory_unreadable = false;
  std::map<std::string, bool> names;  // name -> pending
  for (const auto& name : *pending) names[name] = true;
  for (const auto& name : *finished) names[name] = false;
  forgetMissing(names);
  for (const auto& [name, is_pending] : names) look(name, is_pending);
  adoptTunnels();
}

void Registry::adoptTunnels() {
  const auto search = context_.tools.processes.search();
  for (auto& [name, mount] : context_.records) {
    const bool wanted = mount.readable && !mount.tunnel && !mount.removal;
    if (wanted && (mount.due || mount.blind)) adoption_.adopt(mount, *search);
    blind_ = blind_ || mount.blind;
  }
}

MountRecord& Registry::recordOf(const std::string& name) {
  MountRecord& mount = context_.records[name];
  if (!mount.name.empty()) return mount;
  context_.records_changed = true;
  mount.name = name;
  mount.renewal_spread = context_.tools.chance.next();
  mount.port = state::parseMountName(name)->port;
  // It may have come before the state file.
  mount.listener = listeners_.claim(name);
  return mount;
}

void Registry::take(const std::string& name, state::MountState state) {
  MountRecord& mount = recordOf(name);
  files_.take(mount, std::move(state));
  files_.save(mount);
  // The next scan finds its tunnel; until then none is started beside it.
  // Until then "no tunnel" would be read as "dead".
  mount.blind = true;
  context_.scan_due = true;
}

void Registry::look(const std::string& name, bool pending) {
  MountRecord& mount = recordOf(name);
  const FileStamp stamp = files_.stampOf(mount, pending);
  const std::string& certificate = mount.state.certificate;
  if (!certificate.empty() && context_.tools.files.stamp(certificate) != mount.certificate.stamp) {
    mount.due = true;
  }
  if (mount.tunnel && !mount.health.page) mount.due = true;  // its page may be there now
  if (stamp == mount.stamp && pending == mount.pending) return;
  mount.stamp = stamp;
  mount.pending = pending;
  files_.read(mount);
  blind_ = blind_ || (stamp.exists() && !mount.stamp.exists());
}

// By the mount, which what cannot be read may still be; by its last words to the server, or by a
// clean-up that is to come: without a record its tunnel and its files would stay for ever.
bool Registry::isNeeded(const MountRecord& mount) {
  if (!std::exchange(table_fresh_, true)) context_.view.refresh();
  if (context_.view.mounted(mount.port) != Seen::kNo || mount.tunnel) return true;
  if (context_.tools.files.stamp(context_.store.paths(mount.name).tunnel_config).exists()) {
    return true;
  }
  return context_.view.kernelClient(mount.port, "") == Seen::kYes ||
         context_.view.connected(mount.port, "") == Seen::kYes;
}

// A file that was deleted too early is written again; what we know of it is in memory.
bool Registry::keepDespite(MountRecord& mount) {
  if (!mount.readable || mount.pending || !isNeeded(mount)) return false;
  if (!mount.unsaved) {
    context_.tools.log.warning("{}: its state file is gone, writing it again", mount.name);
  }
  files_.save(mount);
  // Not first when a tunnel needs it: by then whoever knows it by heart may have died.
  if (!mount.unsaved) files_.restoreConfig(mount);
  return true;
}

void Registry::forgetMissing(const std::map<std::string, bool>& names) {
  for (auto it = context_.records.begin(); it != context_.records.end();) {
    MountRecord& mount = it->second;
    ++it;
    // Its removal takes the state file last and reports its end by itself.
    if (names.count(mount.name) != 0 || mount.removal || keepDespite(mount)) continue;
    context_.records_changed = true;
    context_.tools.log.info("{}: its state file is gone, no longer supervised", mount.name);
    forget(mount);
  }
}

void Registry::forget(MountRecord& mount) {
  // The jobs first: their answers would look for the record.
  on_forget_(mount);
  if (mount.tunnel) context_.tools.processes.letGo(std::move(mount.tunnel));
  // A copy: the record that it is part of goes first.
  const std::string name = mount.name;
  context_.records.erase(context_.records.find(name));
  listeners_.drop(name);
}

}  // namespace efs::watchdog
