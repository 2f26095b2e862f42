#include "simulated_remount.h"

#include <cerrno>
#include <utility>

#include "efs/base/text.h"
#include "efs/state/state_store.h"
#include "world.h"

namespace efs::watchdog::simulation {
namespace {

// Given back when it is destroyed, or when its process ends before its stack is unwound.
class HeldThing final : public Held {
 public:
  HeldThing(const ActorPtr& holder, std::function<void()> give_back)
      : given_(std::make_shared<bool>(false)), give_back_(std::move(give_back)) {
    holder->release.push_back([given = given_, give = give_back_] {
      if (!std::exchange(*given, true)) give();
    });
  }
  ~HeldThing() override {
    if (!std::exchange(*given_, true)) give_back_();
  }

 private:
  std::shared_ptr<bool> given_;
  std::function<void()> give_back_;
};

class SimulatedNewMount final : public NewMount {
 public:
  SimulatedNewMount(World& world, NfsClientPtr client)
      : world_(world), client_(client), use_(world, std::move(client)) {}

  Result<std::optional<int>> tunnelPort() override {
    world_.actors.step("reading nfsfs");
    return std::optional<int>(client_->port);
  }
  Status askRoot() override {
    world_.actors.step("asking the new root");
    (void)world_.actors.waitFor([&] { return world_.mounts.reaches(*client_); }, Duration(3600000));
    if (world_.mounts.isStale(*client_)) return Error::fromErrno(ESTALE, "statx");
    return {};
  }
  std::optional<bool> attachBeneath(const mounts::MountIdentity& old, Duration patience) override {
    world_.actors.step("move_mount beneath");
    const Mount* over = world_.mounts.top(old.target);
    if (over == nullptr || over->id != old.id) return false;
    const NfsClientPtr client = over->client;
    // The kernel asks the old mount for its root.
    if (!client || world_.mounts.isStale(*client)) return false;
    world_.mounts.demand(client);
    if (!world_.actors.waitFor([&] { return world_.mounts.reaches(*client); }, patience)) {
      return std::nullopt;
    }
    over = world_.mounts.top(old.target);
    if (over == nullptr || over->id != old.id) return false;
    Probes::reach("a new mount was put beneath the old one");
    world_.mounts.attachBeneath(*over, client_);
    world_.actors.step("having put it beneath");
    return true;
  }
  Status attach(const std::string& target) override {
    world_.actors.step("move_mount");
    world_.journal.note("a new mount goes to " + target);
    world_.mounts.attach(target, client_);
    world_.actors.step("having put it in place");
    return {};
  }
  Result<bool> detachIfStacked(int parent) override {
    world_.actors.step("looking what the new mount lies on");
    for (const Mount& mount : world_.mounts.all()) {
      if (mount.client != client_ || mount.parent == parent) continue;
      Probes::reach("another mount came to the bare place");
      world_.mounts.detach(mount.id);
      return true;
    }
    return false;
  }

 private:
  World& world_;
  NfsClientPtr client_;
  ClientUse use_;
};

class SimulatedDetachment final : public Detachment {
 public:
  SimulatedDetachment(World& world, NfsClientPtr client, int err)
      : world_(world), client_(std::move(client)), err_(err) {}
  Result<std::optional<int>> ended() override {
    world_.actors.step("waiting for umount2");
    if (err_ != 0) return std::optional<int>(err_);
    const bool waits = client_ && client_->leaving && !client_->gone;
    return waits ? std::optional<int>() : std::optional<int>(0);
  }
  void kill() override {}

 private:
  World& world_;
  NfsClientPtr client_;
  int err_;
};

class SimulatedEvents final : public TableEvents {
 public:
  explicit SimulatedEvents(World& world) : world_(world) {}
  void wait(Duration patience) override { world_.actors.pause(patience); }

 private:
  World& world_;
};

}  // namespace

ClientUse::ClientUse(World& world, NfsClientPtr client)
    : world_(world), client_(std::move(client)) {
  world_.mounts.use(client_);
}

ClientUse::~ClientUse() {
  if (client_) world_.mounts.release(client_);
}

std::string placeLock() { return state::StateStore(kStateDirectory).locks().targets; }

Result<ClientUse> makeClient(World& world, int port, std::optional<Duration> patience) {
  const auto answers = [&world, port] {
    const auto tunnel = world.tunnels.on(port);
    return tunnel && world.tunnels.relays(*tunnel);
  };
  world.actors.step("mounting");
  if (!world.actors.waitFor(answers, patience.value_or(Duration(3600000)))) {
    return Error(ErrorKind::kTimeout, "the server does not answer");
  }
  const auto tunnel = world.tunnels.on(port);
  const std::string fs = tunnel->identity.substr(0, tunnel->identity.find('|'));
  // With the name of another mount the kernel takes that one's way to the server.
  for (const auto& client : world.mounts.clients()) {
    if (client->name != world.client_name || client->leaving) continue;
    Probes::reach("the kernel merged two mounts");
    if (client->file_system == fs) return ClientUse(world, client);
  }
  return ClientUse(world, world.mounts.newClient(port, fs));
}

Result<mounts::MountTable> SimulatedRemount::mountTable() {
  const bool frozen = world_.plan.put_back.path_is_identity;
  if (frozen && first_table_) return *first_table_;
  // Between a look and the detachment lies the race that is left: no step comes after the look.
  world_.actors.step("reading mountinfo");
  if (frozen) first_table_ = world_.mounts.table();
  return world_.mounts.table();
}

bool SimulatedRemount::stillAttached(const mounts::MountIdentity& mount) {
  if (world_.plan.put_back.path_is_identity) return true;
  return !mount.unique || world_.mounts.withUnique(*mount.unique) != nullptr;
}

Result<std::unique_ptr<TableEvents>> SimulatedRemount::tableEvents() {
  return std::unique_ptr<TableEvents>(std::make_unique<SimulatedEvents>(world_));
}

Result<HeldPtr> SimulatedRemount::ownIdentifier(const std::string& /*lock_path*/,
                                                Duration patience) {
  world_.actors.step("taking the identifier's lock");
  if (!world_.actors.waitFor([&] { return !world_.identifier_taken; }, patience)) {
    return Error(ErrorKind::kBusy, "others hold the identifier's lock");
  }
  world_.identifier_taken = true;
  world_.client_name = "random-" + std::to_string(world_.time.roll(1 << 30));
  return HeldPtr(std::make_unique<HeldThing>(world_.actors.self(), [&world = world_] {
    world.identifier_taken = false;
    world.client_name = "host";
  }));
}

Result<HeldPtr> SimulatedRemount::tryLockPlace(const std::string& lock_path,
                                               const std::string& target) {
  world_.actors.step("locking the place");
  const std::string name = lock_path + ":" + target;
  if (world_.files.locked(name)) return Error(ErrorKind::kBusy, "somebody mounts there");
  world_.files.lock(name);
  return HeldPtr(std::make_unique<HeldThing>(
      world_.actors.self(), [&world = world_, name] { world.files.unlock(name); }));
}

Result<std::string> SimulatedRemount::runMaker(unsigned seconds, Duration patience,
                                               const std::function<Result<std::string>()>& body) {
  const ActorPtr job = world_.actors.self();
  std::optional<Result<std::string>> answer;
  const ActorPtr maker = world_.actors.spawn(job->name + "'s maker", [&] { answer = body(); });
  world_.actors.setAlarm(maker, seconds);
  bool in_time = false;
  bool killed = false;
  try {
    in_time = world_.actors.waitFor([&] { return maker->over; }, patience);
  } catch (const Killed&) {
    killed = true;
  }
  if (!in_time) {
    // A job that was killed has ended for others; its maker only where the kernel takes it along.
    if (killed) world_.actors.end(job);
    if (!killed || !maker->uninterrupted) world_.actors.kill(maker);
    world_.actors.outlive(maker);
    return Error(ErrorKind::kTimeout, "the remount does not end");
  }
  if (answer && !maker->killed) return std::move(*answer);
  return Error(maker->timed_out ? ErrorKind::kTimeout : ErrorKind::kInternal,
               "the child ended without an answer");
}

void SimulatedRemount::setDeadline(unsigned seconds) {
  world_.actors.setAlarm(world_.actors.self(), seconds);
}

void SimulatedRemount::beUninterrupted() {
  if (world_.plan.put_back.bare_when_killed) return;
  world_.actors.step("being uninterrupted");
  world_.actors.setAlarm(world_.actors.self(), 0);
  world_.actors.self()->uninterrupted = true;
}

Status SimulatedRemount::pause(Duration time) {
  world_.actors.pause(time);
  return {};
}

Result<std::unique_ptr<NewMount>> SimulatedRemount::makeMount(
    const mounts::NfsMountRequest& request) {
  if (world_.plan.old_kernel) return std::unique_ptr<NewMount>();
  const auto port = parseInt(request.options.value("port").value_or(""));
  EFS_TRY(client, makeClient(world_, static_cast<int>(port.value_or(0)), std::nullopt));
  return std::unique_ptr<NewMount>(std::make_unique<SimulatedNewMount>(world_, client.client()));
}

Status SimulatedRemount::mountAt(const mounts::NfsMountRequest& request, Duration patience) {
  const auto port = parseInt(request.options.value("port").value_or(""));
  EFS_TRY(client, makeClient(world_, static_cast<int>(port.value_or(0)), patience));
  world_.mounts.attach(request.target, client.client());
  world_.actors.step("having mounted");
  return {};
}

Result<std::unique_ptr<NewMount>> SimulatedRemount::takeUp(const std::string& path) {
  if (world_.plan.old_kernel) return std::unique_ptr<NewMount>();
  world_.actors.step("open_tree");
  const Mount* mount = world_.mounts.top(path);
  if (mount == nullptr || !mount->client) return Error::fromErrno(ENOENT, "taking up " + path);
  return std::unique_ptr<NewMount>(std::make_unique<SimulatedNewMount>(world_, mount->client));
}

Status SimulatedRemount::bind(const std::string& from, const std::string& to) {
  world_.actors.step("binding");
  const Mount* mount = world_.mounts.top(from);
  if (mount == nullptr || !mount->client) return Error::fromErrno(ENOENT, "binding " + from);
  world_.mounts.attach(to, mount->client);
  return {};
}

Result<std::string> SimulatedRemount::askRoot(const std::string& path) {
  const Mount* mount = world_.mounts.top(path);
  if (mount == nullptr) return std::string();
  const NfsClientPtr client = mount->client;
  if (!client) return std::string();
  world_.mounts.demand(client);
  // A call like others, and the kernel counts it.
  if (client->connected && !world_.mounts.reaches(*client)) ++client->questions;
  if (!world_.actors.waitFor([&] { return client->gone || world_.mounts.reaches(*client); },
                             Duration(3600000))) {
    return Error(ErrorKind::kTimeout, "statx");
  }
  return std::string(world_.mounts.isStale(*client) ? "stale" : "");
}

Result<std::unique_ptr<Detachment>> SimulatedRemount::detach(const std::string& target) {
  const Mount* mount = world_.mounts.top(target);
  if (mount == nullptr) {
    return std::unique_ptr<Detachment>(
        std::make_unique<SimulatedDetachment>(world_, nullptr, EINVAL));
  }
  world_.invariants.detachedByRemount(*mount);
  const NfsClientPtr client = mount->client;
  world_.mounts.detach(mount->id);
  world_.actors.step("having detached");
  return std::unique_ptr<Detachment>(std::make_unique<SimulatedDetachment>(world_, client, 0));
}

bool SimulatedRemount::detachNow(const std::string& path) {
  world_.actors.step("umount2");
  const Mount* mount = world_.mounts.top(path);
  if (mount == nullptr) return false;
  world_.invariants.detachedByClearing(*mount);
  world_.mounts.detach(mount->id);
  return true;
}

}  // namespace efs::watchdog::simulation
