#include "observe/mount_view.h"

#include <sys/epoll.h>

#include <filesystem>

#include "efs/base/log.h"
#include "efs/tunnel_control/socket_table.h"

namespace efs::watchdog {
namespace {

Seen toSeen(bool yes) { return yes ? Seen::kYes : Seen::kNo; }

}  // namespace

MountView::MountView(std::string mountinfo, std::string proc_net)
    : mountinfo_(std::move(mountinfo)), proc_net_(std::move(proc_net)) {}

Status MountView::watch(EventLoop& loop, std::function<void()> changed) {
  if (mountinfo_.empty()) {
    EFS_TRY(monitor, mounts::openMountMonitor());
    monitor_ = std::move(monitor);
    return loop.watch(monitor_.get(), EPOLLPRI | EPOLLERR,
                      [changed = std::move(changed)](std::uint32_t) { changed(); });
  }
  EFS_TRY(watch, DirectoryWatch::create(std::filesystem::path(mountinfo_).parent_path()));
  file_watch_.emplace(std::move(watch));
  return loop.watch(file_watch_->fd(), EPOLLIN,
                    [this, changed = std::move(changed)](std::uint32_t) {
                      file_watch_->drain();
                      changed();
                    });
}

void MountView::refresh() {
  auto table = mountinfo_.empty() ? mounts::MountTable::readKernel()
                                  : mounts::MountTable::readFile(mountinfo_);
  const std::string error = table ? "" : table.error().describe();
  if (error != last_error_ && !error.empty()) {
    log::error("no unmount can be noticed: {}", error);
  }
  last_error_ = error;
  table_.reset();
  if (table) table_.emplace(std::move(*table));
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
  return found;
}

std::vector<const mounts::MountEntry*> MountView::tunnelled() const {
  std::vector<const mounts::MountEntry*> found;
  if (!table_) return found;
  for (const auto& entry : table_->entries()) {
    if (entry.tunnelPort() && counts(entry)) found.push_back(&entry);
  }
  return found;
}

std::optional<std::string> MountView::visiblePoint(int port) const {
  for (const auto* entry : entries(port)) {
    if (table_->atPath(entry->target) == entry) return entry->target;
  }
  return std::nullopt;
}

Seen MountView::kernelClient(int port, const std::string& proc_net) const {
  const auto used = mounts::kernelUsesTunnelPort(port, proc_net.empty() ? proc_net_ : proc_net);
  return used ? toSeen(*used) : Seen::kUnknown;
}

Seen MountView::connected(int port, const std::string& proc_net) const {
  const auto sockets = tunnel_control::SocketTable::read(
      (proc_net.empty() ? std::string("/proc/self/net") : proc_net) + "/tcp");
  return sockets ? toSeen(sockets->hasClient(port)) : Seen::kUnknown;
}

bool MountView::asksForPort(int port) const {
  const bool shown = table_ && !table_->withTunnelPort(port).empty();
  return shown || kernelClient(port, "") == Seen::kYes;
}

}  // namespace efs::watchdog
