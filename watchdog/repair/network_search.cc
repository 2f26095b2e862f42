#include "repair/network_search.h"

#include <sys/stat.h>

#include <optional>
#include <set>

#include "efs/base/files.h"
#include "efs/mounts/mount_table.h"
#include "efs/net/network_namespace.h"
#include "efs/procfs/processes.h"

namespace efs::watchdog {
namespace {

// nullopt: it cannot be looked at.
std::optional<ino_t> namespaceAt(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return std::nullopt;
  return info.st_ino;
}

bool hasClient(const std::string& proc_net, dev_t device) {
  const auto text = mounts::readVolumes(proc_net);
  return text && mounts::listsDevice(*text, device);
}

bool hasClientInside(const std::string& path, dev_t device) {
  const auto network = net::NetworkNamespace::open(path);
  bool found = false;
  if (!network) return found;
  (void)network->run([&]() -> Status {
    found = hasClient("/proc/thread-self/net", device);
    return {};
  });
  return found;
}

// A namespace that is bound to a name: "ip netns", container networks.
std::optional<std::string> amongNames(dev_t device) {
  const auto table = mounts::MountTable::readKernel();
  if (!table) return std::nullopt;
  for (const auto& entry : table->entries()) {
    if (entry.fs_type != "nsfs" || !entry.root.starts_with("net:")) continue;
    if (hasClientInside(entry.target, device)) return entry.target;
  }
  return std::nullopt;
}

// Each namespace once, however many processes it has.
std::optional<std::string> amongProcesses(dev_t device, const std::string& proc) {
  std::set<ino_t> seen;
  std::optional<std::string> found;
  (void)procfs::forEachProcess(
      [&](pid_t pid) {
        const std::string path = procfs::ofProcess(pid, "ns/net", proc);
        const auto network = namespaceAt(path);
        if (!network || !seen.insert(*network).second) return true;
        if (hasClient(procfs::ofProcess(pid, "net", proc), device)) found = path;
        return !found;
      },
      proc);
  return found;
}

}  // namespace

Result<std::string> findNetwork(dev_t device, const std::string& proc) {
  if (auto name = amongNames(device)) return std::move(*name);
  if (auto process = amongProcesses(device, proc)) return std::move(*process);
  return Error(ErrorKind::kNotFound, "no process and no name holds its network namespace");
}

}  // namespace efs::watchdog
