#include "mounts.h"

#include <algorithm>
#include <utility>

#include "world.h"

namespace efs::watchdog::simulation {
namespace {

constexpr Duration kReconnect{3000};
constexpr Duration kHalfLease{45000};
// Then the client goes without its server's word.
constexpr Duration kLongestGoodBye{180000};

}  // namespace

Mounts::Mounts(World& world) : world_(world) {
  Mount root;
  root.id = 1;
  root.unique = ++last_unique_;
  root.target = "/";
  root.type = "ext4";
  root.source = "/dev/vda1";
  root.device = 1;
  root.options = "rw";
  mounts_.push_back(root);
}

const mounts::MountTable& Mounts::table() {
  if (table_) return *table_;
  std::vector<mounts::MountEntry> entries;
  for (const auto& mount : mounts_) {
    entries.push_back({mount.id, mount.parent, mount.device, mount.root, mount.source, mount.target,
                       mount.type, mount.options});
  }
  table_ = mounts::MountTable::of(std::move(entries));
  return *table_;
}

void Mounts::changed() {
  table_.reset();
  world_.tableChanged();
}

const Mount& Mounts::at(const std::string& path) const {
  // The last one attached at the longest path that leads there, and that nothing covers.
  const Mount* best = &mounts_.front();
  for (const auto& mount : mounts_) {
    const bool leads =
        path == mount.target || path.compare(0, mount.target.size() + 1, mount.target + "/") == 0;
    if (!leads || mount.target.size() < best->target.size()) continue;
    if (mount.target == best->target && mount.parent != best->id) continue;
    best = &mount;
  }
  // Climbing: what covers the best one.
  for (bool climbed = true; climbed;) {
    climbed = false;
    for (const auto& mount : mounts_) {
      if (mount.parent != best->id || mount.target != best->target || mount.id == best->id)
        continue;
      best = &mount;
      climbed = true;
    }
  }
  return *best;
}

const Mount* Mounts::top(const std::string& path) const {
  const Mount& mount = at(path);
  return mount.target == path ? &mount : nullptr;
}

const Mount* Mounts::withUnique(std::uint64_t unique) const {
  const auto found = std::find_if(mounts_.begin(), mounts_.end(),
                                  [unique](const auto& mount) { return mount.unique == unique; });
  return found == mounts_.end() ? nullptr : &*found;
}

std::vector<const Mount*> Mounts::within(int id) const {
  std::vector<const Mount*> found;
  for (const auto& mount : mounts_) {
    if (mount.parent == id && mount.id != id) found.push_back(&mount);
  }
  return found;
}

const Mount& Mounts::add(Mount mount) {
  // The kernel gives the smallest number that is free, so that one of a mount that is gone comes
  // back soon.
  int id = 30;
  const auto taken = [&](int number) {
    return std::any_of(mounts_.begin(), mounts_.end(),
                       [number](const auto& other) { return other.id == number; });
  };
  while (taken(id)) ++id;
  mount.id = id;
  mount.unique = ++last_unique_;
  mounts_.push_back(std::move(mount));
  changed();
  return mounts_.back();
}

const Mount& Mounts::attach(const std::string& path, NfsClientPtr client) {
  Mount mount;
  mount.parent = at(path).id;
  mount.target = path;
  mount.type = "nfs4";
  mount.source = "127.0.0.1:/";
  mount.device = client->device;
  mount.options = "rw,vers=4.1,rsize=1048576,proto=tcp,port=" + std::to_string(client->port) +
                  ",addr=127.0.0.1";
  mount.client = client;
  use(client);
  return add(std::move(mount));
}

const Mount& Mounts::attachBeneath(const Mount& over, NfsClientPtr client) {
  const int over_id = over.id;
  const int parent = over.parent;
  const Mount& made = attach(over.target, std::move(client));
  for (auto& mount : mounts_) {
    if (mount.id == made.id) mount.parent = parent;
    if (mount.id == over_id) mount.parent = made.id;
  }
  changed();
  return made;
}

const Mount& Mounts::attachOther(const std::string& path, const std::string& type) {
  Mount mount;
  mount.parent = at(path).id;
  mount.target = path;
  mount.type = type;
  mount.source = type;
  mount.device = ++last_device_;
  mount.options = "rw";
  return add(std::move(mount));
}

void Mounts::detach(int id) {
  for (const Mount* inner : within(id)) detach(inner->id);
  const auto found = std::find_if(mounts_.begin(), mounts_.end(),
                                  [id](const auto& mount) { return mount.id == id; });
  if (found == mounts_.end()) return;
  const NfsClientPtr client = found->client;
  world_.journal.note("mount " + std::to_string(id) + " leaves " + found->target);
  mounts_.erase(found);
  changed();
  if (client) release(client);
}

NfsClientPtr Mounts::newClient(int port, const std::string& file_system) {
  auto client = std::make_shared<NfsClient>();
  client->port = port;
  client->device = ++last_device_;
  client->file_system = file_system;
  client->name = world_.client_name;
  client->roots = world_.network.of(file_system).roots;
  client->unhealthy = MonoTime{};
  const auto tunnel = world_.tunnels.on(port);
  if (tunnel) client->identity = tunnel->identity;
  connected(*client);
  clients_.push_back(client);
  return client;
}

void Mounts::release(const NfsClientPtr& client) {
  if (--client->users > 0 || client->leaving) return;
  client->leaving = true;
  client->busy = false;
  client->waiting_since.reset();
  if (!client->connected) connect(client, world_.time.between(Duration(1), Duration(100)));
  const MonoTime since = world_.time.monotonic();
  world_.time.in(Duration(5), [this, client, since] { leave(client, since); });
}

void Mounts::leave(const NfsClientPtr& client, MonoTime since) {
  if (client->users > 0) return;
  const bool late = world_.time.monotonic() - since > kLongestGoodBye;
  if (!reaches(*client) && !late) {
    return world_.time.in(Duration(500), [this, client, since] { leave(client, since); });
  }
  if (late) Probes::reach("an NFS client went without its server's word");
  client->gone = true;
  std::erase(clients_, client);
}

NfsClientPtr Mounts::clientOn(int port) const {
  const auto found = std::find_if(clients_.begin(), clients_.end(),
                                  [port](const auto& client) { return client->port == port; });
  return found == clients_.end() ? nullptr : *found;
}

bool Mounts::reaches(const NfsClient& client) const {
  if (!client.connected) return false;
  const auto tunnel = world_.tunnels.on(client.port);
  return tunnel && world_.tunnels.relays(*tunnel);
}

bool Mounts::isStale(const NfsClient& client) const {
  return client.roots != world_.network.of(client.file_system).roots;
}

void Mounts::connect(const NfsClientPtr& client, Duration delay) {
  client->connected = false;
  world_.time.in(delay, [this, client, attempt = ++client->attempt] {
    if (client->gone || client->connected || attempt != client->attempt) return;
    if (world_.tunnels.isOpen(client->port)) return connected(*client);
    const Duration pause = client->leaving ? world_.time.between(Duration(1000), kHalfLease)
                                           : world_.time.between(Duration(1000), 3 * kReconnect);
    connect(client, pause);
  });
}

// Without a tunnel it waits in the backlog for the next one.
void Mounts::connected(NfsClient& client) {
  client.connected = true;
  client.connected_at = world_.time.monotonic();
  const auto tunnel = world_.tunnels.on(client.port);
  if (tunnel) ++tunnel->numbers.connections_total;
}

void Mounts::demand(const NfsClientPtr& client) {
  if (!client->connected) connect(client, world_.time.between(Duration(1), kReconnect));
}

void Mounts::cutOff(int port) {
  const auto client = clientOn(port);
  if (!client) return;
  connect(client, client->leaving || !client->busy ? world_.time.between(Duration(100), kHalfLease)
                                                   : world_.time.between(Duration(50), kReconnect));
}

void Mounts::settle() {
  const MonoTime now = world_.time.monotonic();
  for (const auto& client : clients_) settle(*client, now);
  settled_ = now;
}

void Mounts::settle(NfsClient& client, MonoTime now) {
  const auto passed =
      static_cast<std::uint64_t>(std::chrono::duration_cast<Duration>(now - settled_).count());
  const bool answered = reaches(client);
  if (!answered || isStale(client)) client.unhealthy = now;
  const auto tunnel = world_.tunnels.on(client.port);
  if (client.busy) client.calls += 1 + passed;
  if (answered) {
    const std::uint64_t bytes = (client.busy ? passed : 0) + (client.waiting_since ? 1U : 0U);
    client.answers += bytes + std::exchange(client.questions, 0);
    tunnel->numbers.bytes_down += 100 * bytes;
    tunnel->numbers.bytes_up += 100 * bytes;
    client.waiting_since.reset();
    client.answered_at = now;
  } else if (client.busy && !client.waiting_since) {
    client.waiting_since = now;
  }
  if (!tunnel || tunnel->frozen) return;
  auto& numbers = tunnel->numbers;
  const bool here = client.connected;
  const bool waits = here && client.waiting_since.has_value();
  numbers.clients = numbers.connections_open = here ? 1 : 0;
  numbers.outstanding = waits ? 1 : 0;
  numbers.pending = waits && tunnel->upstream.empty() ? 1 : 0;
  // It knows of the call since the kernel sent it on the connection to this very tunnel.
  const MonoTime since =
      std::max({client.waiting_since.value_or(MonoTime{}), client.connected_at, tunnel->started});
  if (!waits) {
    numbers.waiting_since = 0;
  } else if (numbers.waiting_since == 0) {
    numbers.waiting_since = tunnel_control::countersTime(since);
  }
}

}  // namespace efs::watchdog::simulation
