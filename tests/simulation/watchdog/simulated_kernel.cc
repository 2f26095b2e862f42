#include "simulated_kernel.h"

#include <fmt/core.h>
#include <sys/sysmacros.h>

#include <cerrno>

#include "simulated_processes.h"
#include "world.h"

namespace efs::watchdog::simulation {
namespace {

constexpr unsigned kLoopback = 0x0100007F;
constexpr const char* kStaging = "/run/efs/remount/";

std::string row(unsigned local, unsigned remote_ip, unsigned remote, const char* state,
                unsigned waiting, ino_t inode) {
  return fmt::format(
      "   0: {:08X}:{:04X} {:08X}:{:04X} {} 00000000:{:08X} 00:00000000 00000000     0"
      "        0 {} 1 0000000000000000 100 0 0 10 0\n",
      kLoopback, local, remote_ip, remote, state, waiting, inode);
}

}  // namespace

mounts::MountIdentity identityIn(World& world, const mounts::MountEntry& entry) {
  mounts::MountIdentity identity;
  identity.target = entry.target;
  identity.id = entry.id;
  identity.device = entry.device;
  identity.port = entry.tunnelPort();
  for (const auto& mount : world.mounts.all()) {
    if (mount.id == entry.id) identity.unique = mount.unique;
  }
  return identity;
}

procfs::SocketTable socketsOf(World& world) {
  std::string text = "  sl  local_address rem_address   st\n";
  for (int port = kFirstPort; port < kLastPort; ++port) {
    const auto socket = world.tunnels.socketOn(port);
    const auto client = world.mounts.clientOn(port);
    const auto tunnel = world.tunnels.on(port);
    const bool connected = client && client->connected;
    const auto local = static_cast<unsigned>(port);
    if (socket) {
      text += row(local, 0, 0, "0A", connected && !tunnel ? 1 : 0, socket->inode);
    }
    if (!connected) continue;
    const unsigned away = 30000U + local;
    text += row(away, kLoopback, local, "01", 0, 70000U + local);
    if (tunnel) text += row(local, kLoopback, away, "01", 0, 80000U + local);
  }
  return procfs::SocketTable::parse(text);
}

// The application's, and after two thirds of the lease the kernel's own, which renews it.
std::uint64_t SimulatedKernel::waitingCalls(const NfsClient& client) const {
  constexpr Duration kRenewal{60000};
  if (!client.waiting_since) return 0;
  return world_.time.monotonic() - *client.waiting_since < kRenewal ? 1 : 2;
}

Status SimulatedKernel::enter(const char* what) {
  if (!world_.daemon.enter(what)) return Error(ErrorKind::kCancelled, "dead");
  if (world_.files.scarce) return Error::fromErrno(EMFILE, what);
  return {};
}

Result<mounts::MountTable> SimulatedKernel::mountTable() {
  EFS_CHECK(enter("reading mountinfo"));
  if (!world_.plan.put_back.shows_staging) return world_.mounts.table();
  auto entries = world_.mounts.table().entries();
  for (auto& entry : entries) {
    if (entry.target.rfind(kStaging, 0) == 0) entry.target = "/run/efs/" + entry.target.substr(16);
  }
  return mounts::MountTable::of(std::move(entries));
}

mounts::MountIdentity SimulatedKernel::identityOf(const mounts::MountEntry& entry) {
  return identityIn(world_, entry);
}

bool SimulatedKernel::stillAttached(const mounts::MountIdentity& mount) {
  return !mount.unique || world_.mounts.withUnique(*mount.unique) != nullptr;
}

Result<bool> SimulatedKernel::clientHoldsPort(int port, const std::string& /*network*/) {
  EFS_CHECK(enter("reading nfsfs"));
  for (const auto& client : world_.mounts.clients()) {
    if (client->port == port && !client->leaving) return true;
  }
  return false;
}

Result<procfs::SocketTable> SimulatedKernel::sockets(const std::string& /*network*/) {
  EFS_CHECK(enter("reading tcp"));
  if (world_.plan.put_back.says_unmounted) return procfs::SocketTable::parse("");
  return socketsOf(world_);
}

Result<std::set<int>> SimulatedKernel::unreadPorts() {
  EFS_CHECK(enter("reading tcp"));
  std::set<int> ports;
  for (const auto& client : world_.mounts.clients()) {
    const auto tunnel = world_.tunnels.on(client->port);
    if (client->connected && client->waiting_since && (!tunnel || tunnel->frozen)) {
      ports.insert(client->port);
    }
  }
  return ports;
}

Result<std::string> SimulatedKernel::rpcCounters() {
  EFS_CHECK(enter("reading rpc/nfs"));
  std::uint64_t calls = 0;
  for (const auto& client : world_.mounts.clients()) calls += client->calls;
  return std::to_string(calls);
}

Result<MountStats> SimulatedKernel::mountStats() {
  EFS_CHECK(enter("reading mountstats"));
  std::string text;
  for (const auto& client : world_.mounts.clients()) {
    text += fmt::format(
        "device 127.0.0.1:/ mounted on /x with fstype nfs4 statvers=1.1\n"
        "\topts:\trw,vers=4.1,port={},clientaddr=0.0.0.0\n"
        "\txprt:\ttcp 700 1 {} 0 0 {} {} 0 0 0 2 0 0\n",
        client->port, client->attempt + 1,
        client->answers + waitingCalls(*client) + client->questions, client->answers);
  }
  return MountStats::parse(text);
}

Result<LockTable> SimulatedKernel::locks() {
  EFS_CHECK(enter("reading locks"));
  std::string text;
  for (const auto& client : world_.mounts.clients()) {
    if (!client->locks) continue;
    text += fmt::format("1: POSIX  ADVISORY  WRITE 708 {:02x}:{:02x}:13548 0 EOF\n",
                        major(client->device), minor(client->device));
  }
  return LockTable::parse(text);
}

Result<bool> SimulatedKernel::keepReadAhead(dev_t /*device*/, unsigned long /*rsize*/) {
  EFS_CHECK(enter("writing read_ahead_kb"));
  return false;
}

}  // namespace efs::watchdog::simulation
