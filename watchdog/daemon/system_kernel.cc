#include "daemon/system_kernel.h"

#include <sys/epoll.h>

#include <filesystem>
#include <utility>

#include "efs/base/files.h"
#include "efs/mounts/nfs_mount.h"
#include "efs/procfs/tcp_table.h"

namespace efs::watchdog {
namespace {

constexpr std::size_t kMaxRpcCounters = 4096;

}  // namespace

Status SystemKernel::watchMounts(loop::EventLoop& loop, std::function<void()> changed) {
  watch_.reset();
  if (files_.mountinfo.empty()) {
    EFS_TRY(monitor, mounts::openMountMonitor());
    monitor_ = std::move(monitor);
    EFS_TRY(watch, loop.watch(monitor_.get(), EPOLLPRI | EPOLLERR,
                              [changed = std::move(changed)](std::uint32_t) { changed(); }));
    watch_ = std::move(watch);
    return {};
  }
  EFS_TRY(directory, DirectoryWatch::create(std::filesystem::path(files_.mountinfo).parent_path()));
  file_watch_.emplace(std::move(directory));
  EFS_TRY(watch, loop.watch(file_watch_->fd(), EPOLLIN,
                            [this, changed = std::move(changed)](std::uint32_t) {
                              file_watch_->drain();
                              changed();
                            }));
  watch_ = std::move(watch);
  return {};
}

Result<mounts::MountTable> SystemKernel::mountTable() {
  return files_.mountinfo.empty() ? mounts::MountTable::readKernel()
                                  : mounts::MountTable::readFile(files_.mountinfo);
}

mounts::MountIdentity SystemKernel::identityOf(const mounts::MountEntry& entry) {
  return mounts::MountIdentity::of(entry);
}

bool SystemKernel::stillAttached(const mounts::MountIdentity& mount) {
  return mount.stillAttached();
}

Result<bool> SystemKernel::clientHoldsPort(int port, const std::string& network) {
  return mounts::kernelUsesTunnelPort(port, network.empty() ? files_.proc_net : network);
}

Result<bool> SystemKernel::clientHasDevice(dev_t device, const std::string& network) {
  const std::string& net = network.empty() ? files_.proc_net : network;
  EFS_TRY(volumes, mounts::readVolumes(net));
  return mounts::listsDevice(volumes, device);
}

Result<procfs::SocketTable> SystemKernel::sockets(const std::string& network) {
  return procfs::SocketTable::read((network.empty() ? std::string("/proc/self/net") : network) +
                                   "/tcp");
}

Result<std::set<int>> SystemKernel::unreadPorts() {
  EFS_TRY(text, readFile(files_.sockets, procfs::kMaxTcpTable));
  return procfs::unreadPorts(text);
}

Result<std::string> SystemKernel::rpcCounters() {
  return readFile(files_.proc_net + "/rpc/nfs", kMaxRpcCounters);
}

Result<MountStats> SystemKernel::mountStats() { return MountStats::read(files_.mountstats); }

Result<LockTable> SystemKernel::locks() {
  return files_.locks.empty() ? LockTable::readKernel() : LockTable::readFile(files_.locks);
}

Result<bool> SystemKernel::keepReadAhead(dev_t device, unsigned long rsize) {
  return mounts::keepReadAhead(device, rsize);
}

}  // namespace efs::watchdog
