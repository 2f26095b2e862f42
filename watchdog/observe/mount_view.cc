#include "observe/mount_view.h"

#include <algorithm>
#include <utility>

namespace efs::watchdog {
namespace {

std::set<int> portsOfSeveral(const mounts::MountTable& table) {
  std::map<int, dev_t> first;
  std::set<int> found;
  for (const auto& entry : table.entries()) {
    const auto port = entry.tunnelPort();
    if (port && first.emplace(*port, entry.device).first->second != entry.device)
      found.insert(*port);
  }
  return found;
}

}  // namespace

void MountView::refresh() {
  auto table = kernel_.mountTable();
  const std::string error = table ? "" : table.error().describe();
  if (error != last_error_ && !error.empty()) {
    log_.error("no unmount can be noticed: {}", error);
  }
  last_error_ = error;
  judged_.clear();
  table_.reset();
  if (!table) return;
  table_.emplace(std::move(*table));
  const auto is_gone = [this](int port) { return table_->withTunnelPort(port).empty(); };
  std::erase_if(contested_, is_gone);
  std::erase_if(unclear_, is_gone);
  if (!std::exchange(looked_, true)) unclear_ = portsOfSeveral(*table_);
}

bool MountView::counts(const mounts::MountEntry& entry) const {
  return ignored_.empty() || entry.target.rfind(ignored_, 0) != 0;
}

Seen MountView::mounted(int port) const {
  return table_ ? toSeen(!entries(port).empty()) : Seen::kUnknown;
}

std::vector<const mounts::MountEntry*> MountView::entries(int port) const {
  if (!table_) return {};
  auto found = table_->withTunnelPort(port);
  std::erase_if(found, [this](const auto* entry) { return !counts(*entry); });
  if (!mayBeOfTwoNetworks(found, port)) return found;
  const auto known = judged_.find(port);
  if (known != judged_.end()) return known->second;
  dropOtherNetworks(found, port);
  return judged_.emplace(port, std::move(found)).first->second;
}

// One superblock alone is told whatever its network: a driver may have been restarted with another
// one. The kernel is asked only about several.
bool MountView::mayBeOfTwoNetworks(const Entries& entries, int port) const {
  const auto is_alike = [&](const auto* entry) { return entry->device == entries.front()->device; };
  const bool alike = std::all_of(entries.begin(), entries.end(), is_alike);
  return (!alike || contested_.count(port) != 0) && !elsewhere_(port);
}

void MountView::dropOtherNetworks(Entries& entries, int port) const {
  Entries ours;
  for (const auto* entry : entries) {
    const auto here = kernel_.clientHasDevice(entry->device, "");
    if (!here) return;  // unknown: all count
    if (*here) ours.push_back(entry);
  }
  const bool both = !ours.empty() && ours.size() < entries.size();
  if (both && unclear_.count(port) == 0) contested_.insert(port);
  if (both || contested_.count(port) != 0) entries = std::move(ours);
}

std::vector<const mounts::MountEntry*> MountView::tunnelled() const {
  std::vector<const mounts::MountEntry*> found;
  if (!table_) return found;
  for (const auto& entry : table_->entries()) {
    if (entry.tunnelPort() && counts(entry)) found.push_back(&entry);
  }
  return found;
}

const mounts::MountEntry* MountView::visible(int port) const {
  for (const auto* entry : entries(port)) {
    if (table_->atPath(entry->target) == entry) return entry;
  }
  return nullptr;
}

Seen MountView::kernelClient(int port, const std::string& proc_net) const {
  const auto held = kernel_.clientHoldsPort(port, proc_net);
  return held ? toSeen(*held) : Seen::kUnknown;
}

Seen MountView::connected(int port, const std::string& proc_net) const {
  const auto sockets = kernel_.sockets(proc_net);
  return sockets ? toSeen(sockets->hasClient(port)) : Seen::kUnknown;
}

bool MountView::asksForPort(int port) const {
  const bool shown = table_ && !table_->withTunnelPort(port).empty();
  return shown || kernelClient(port, "") == Seen::kYes;
}

}  // namespace efs::watchdog
