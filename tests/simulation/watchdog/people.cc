#include "people.h"

#include <csignal>
#include <utility>

#include "certificate.h"
#include "efs/state/state_store.h"
#include "efs/tunnel_control/tunnel_config.h"
#include "efs/tunnel_control/tunnel_launcher.h"
#include "gated_files.h"
#include "simulated_remount.h"
#include "simulated_tools.h"
#include "supervisor.h"
#include "world.h"

namespace efs::watchdog::simulation {
namespace {

constexpr Duration kMountPatience{15000};
constexpr Duration kHandOver{5000};
constexpr Duration kPlacePatience{5000};
constexpr Duration kPortPatience{2000};
constexpr const char* kProgram = "/usr/bin/efs-proxy";

// One run of mount.efs.
class MountHelper {
 public:
  MountHelper(World& world, const MountWish& wish)
      : world_(world),
        wish_(wish),
        files_(world.files,
               [&world](const char* what) {
                 world.actors.step(what);
                 return true;
               }),
        store_(kStateDirectory, files_) {}

  void run() {
    const Mount* before = world_.mounts.top(wish_.target);
    if (before != nullptr && before->client) return;  // busy
    if (!listen()) return;
    if (const auto ready = prepare(); !ready) return rollBack(ready.error().describe());
    if (const auto mounted = mount(); !mounted) return rollBack(mounted.error().describe());
    world_.invariants.want(wish_.target);
    (void)store_.publish(paths_.name);
    handOver();
  }

 private:
  bool listen() {
    for (int port = kFirstPort; port < kLastPort; ++port) {
      if (store_.portReserved(port)) continue;
      auto socket = world_.tunnels.listen(port);
      if (!socket) continue;
      listener_ = std::move(*socket);
      paths_ = store_.paths(state::mountName(wish_.file_system, wish_.target, port));
      return true;
    }
    return false;
  }

  std::string principal() const {
    const auto found = world_.principals.find(wish_.profile);
    return found == world_.principals.end() ? "" : found->second;
  }

  std::string config() const {
    tunnel_control::TunnelConfig config;
    config.accept_port = listener_->port;
    config.connect_host = Network::nameOf(wish_.file_system);
    config.check_host = config.connect_host;
    config.pid_file = paths_.pid_file;
    config.ca_file = "/etc/amazon/efs/efs-utils.crt";
    config.certificate = paths_.certificate;
    config.private_key = "/etc/amazon/efs/privateKey.pem";
    config.fs_id = wish_.file_system;
    config.region = "eu-west-1";
    return config.serialize(true);
  }

  void fillState(WallTime now) {
    state_.pid = -1;
    state_.cmd = tunnel_control::tunnelCommand(kProgram, paths_.tunnel_config, true);
    state_.files = {paths_.tunnel_config};
    state_.mount_time = std::chrono::duration<double>(now.time_since_epoch()).count();
    state_.mountpoint = wish_.target;
    state_.mount_state_dir = paths_.name + "+";
    state_.common_name = "host-a";
    state_.region = "eu-west-1";
    state_.fs_id = wish_.file_system;
    state_.certificate = paths_.certificate;
    state_.private_key = "/etc/amazon/efs/privateKey.pem";
    state_.certificate_creation_time = state::certificateTimeText(now);
    state_.access_point = wish_.access_point;
    if (wish_.profile.empty()) return;
    state_.aws_credentials_method = "credentials:" + wish_.profile;
    state_.credentials_origin = state::CredentialsOrigin{
        .environment = {{"AWS_PROFILE", wish_.profile}}, .account = "1", .principal = principal()};
  }

  Status prepare() {
    const WallTime now = world_.time.now();
    EFS_CHECK(files_.makeDirectories(paths_.secret_dir, 0700));
    const Certificate certificate{wish_.file_system + "|" + wish_.access_point + "|" + principal(),
                                  now + std::chrono::hours(3)};
    EFS_CHECK(files_.write(paths_.certificate, certificate.text(), 0600));
    EFS_CHECK(files_.write(paths_.tunnel_config, config(), 0600));
    world_.files.lock(paths_.tunnel_config);
    world_.actors.self()->release.push_back(
        [&world = world_, path = paths_.tunnel_config] { world.files.unlock(path); });
    fillState(now);
    EFS_CHECK(store_.writePending(paths_.name, state_));
    EFS_TRY(tunnel, world_.tunnels.start(paths_.tunnel_config, listener_, false));
    tunnel_ = tunnel;
    state_.pid = tunnel->pid;
    return store_.writePending(paths_.name, state_);
  }

  // Others that make mounts there wait for each other.
  Result<HeldPtr> lockPlace(SimulatedRemount& calls) {
    const Deadline deadline(world_.time, kPlacePatience);
    while (true) {
      auto lock = calls.tryLockPlace(placeLock(), wish_.target);
      if (lock || deadline.passed()) return lock;
      world_.actors.pause(Duration(10));
    }
  }

  Status mount() {
    SimulatedRemount calls(world_);
    EFS_TRY(identifier, calls.ownIdentifier("identifier", Duration(65000)));
    EFS_TRY(client, makeClient(world_, listener_->port, kMountPatience));
    EFS_TRY(lock, lockPlace(calls));
    const Mount* before = world_.mounts.top(wish_.target);
    if (before != nullptr && before->client) return Error(ErrorKind::kBusy, "occupied");
    world_.mounts.attach(wish_.target, client.client());
    client.client()->busy = world_.time.oneIn(2);
    return {};
  }

  bool portUnused() const { return world_.mounts.clientOn(listener_->port) == nullptr; }

  // A mount that was never attached says good bye as well.
  void rollBack(const std::string& why) {
    world_.journal.note("mount.efs gives up: " + why);
    if (!world_.actors.waitFor([this] { return portUnused(); }, kPortPatience)) {
      (void)store_.publish(paths_.name);
      return;
    }
    if (tunnel_) world_.tunnels.signal(tunnel_, SIGTERM);
    world_.actors.pause(Duration(500));
    if (tunnel_ && tunnel_->alive) endFrozen();
    (void)store_.removeMount(paths_.name, &state_);
  }

  // As OwnTunnel does: a second is enough for a tunnel that can hear a signal.
  void endFrozen() {
    world_.actors.pause(Duration(500));
    world_.tunnels.signal(tunnel_, SIGKILL);
    world_.actors.pause(Duration(10));
  }

  void handOver() {
    world_.actors.step("handing over the listener");
    if (!world_.actors.waitFor([&] { return world_.daemon.runs(); }, kHandOver)) return;
    world_.daemon.giveListener(paths_.name, listener_);
    world_.actors.pause(Duration(20));
  }

  World& world_;
  const MountWish& wish_;
  GatedFiles files_;
  state::StateStore store_;
  state::MountPaths paths_;
  state::MountState state_;
  SocketPtr listener_;
  TunnelProcessPtr tunnel_;
};

}  // namespace

void mountEfs(World& world, const MountWish& wish) { MountHelper(world, wish).run(); }

bool umountEfs(World& world, const std::string& target, bool lazy) {
  world.actors.step("reading mountinfo");
  const Mount* mount = world.mounts.top(target);
  if (mount == nullptr || !mount->client) return false;
  const NfsClientPtr client = mount->client;
  const bool busy = client->open_files > 0 || !world.mounts.within(mount->id).empty();
  if (busy && !lazy) return false;
  world.invariants.unwant(target);
  world.mounts.detach(mount->id);
  if (lazy) return true;
  world.actors.waitInKernel([&] { return client->gone || client->users > 0; }, Duration(200000));
  if (client->gone) world.daemon.noteUnmounted(client->port);
  return true;
}

}  // namespace efs::watchdog::simulation
