#include "mount_target.h"

#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>

namespace efs::simulator {
namespace {

constexpr std::uint8_t kTlsHandshakeRecord = 0x16;
// A client may connect early and speak late; the kernel does not.
constexpr Duration kFirstBytePatience(120000);
constexpr Duration kHandshakePatience(15000);
constexpr Duration kServerPatience(10000);
constexpr Duration kLong(3600 * 1000);

void poke(const LiveConnection& live) {
  const std::uint64_t one = 1;
  const ssize_t ignored = ::write(live.poke.get(), &one, sizeof one);
  (void)ignored;
}

// Waits for a poke; false when the simulator stops.
bool waitForPoke(const LiveConnection& live, Duration patience) {
  const Ready ready = waitFor(live.poke.get(), POLLIN, *live.wake, patience);
  std::uint64_t pokes = 0;
  const ssize_t ignored = ::read(live.poke.get(), &pokes, sizeof pokes);
  (void)ignored;
  return ready != Ready::kStopped;
}

// Why that policy denies a client, nullopt when it is let in.
std::optional<Refusal> faultOf(const Policy& policy, const std::string& arn, bool tls) {
  if (policy.deny_all) return Refusal{"policy", "access is denied to everybody"};
  if (policy.require_tls && !tls) return Refusal{"policy.require_tls", "the connection is plain"};
  if (policy.require_iam && arn.empty()) {
    return Refusal{"policy.require_iam", "the client has no identity"};
  }
  if (std::find(policy.deny_arns.begin(), policy.deny_arns.end(), arn) != policy.deny_arns.end()) {
    return Refusal{"policy.deny_arns", arn};
  }
  return std::nullopt;
}

}  // namespace

Result<std::unique_ptr<MountTarget>> MountTarget::start(World& world,
                                                        const ServerIdentity& identity,
                                                        const GaneshaPool& servers,
                                                        const FileSystem& fs,
                                                        const TargetConfig& target) {
  std::unique_ptr<MountTarget> self(new MountTarget(world, identity, servers, fs, target));
  EFS_CHECK(self->listen());
  return self;
}

MountTarget::~MountTarget() {
  refuse();
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    for (auto& [id, live] : live_) live->wake->raise();
  }
  crew_.waitForAll();
}

Status MountTarget::listen() {
  const std::lock_guard lock(listener_mutex_);
  if (listener_) return {};
  Endpoint endpoint{"", world_.config().nfs_port};
  {
    const std::lock_guard data(mutex_);
    endpoint.ip = target_.ip;
  }
  EFS_TRY(listener, Listener::start(endpoint, [this](UniqueFd fd) { admit(std::move(fd)); }));
  listener_ = std::move(listener);
  refusing_ = false;
  return {};
}

Status MountTarget::behave(const std::vector<std::string>& binds) {
  EFS_CHECK(binds_.set(binds));
  blackhole_ = false;
  delay_ms_ = 0;
  limit_ = 0;
  pokeAll(Order::kNone);
  return listen();
}

void MountTarget::refuse() {
  const std::lock_guard lock(listener_mutex_);
  refusing_ = true;
  listener_.reset();
}

Status MountTarget::blackhole() {
  blackhole_ = true;
  pokeAll(Order::kNone);
  return listen();
}

Status MountTarget::delay(int ms) {
  delay_ms_ = ms;
  pokeAll(Order::kNone);
  return listen();
}

void MountTarget::limit(int bytes_per_sec) { limit_ = bytes_per_sec; }

void MountTarget::resetConnections() { pokeAll(Order::kReset); }
void MountTarget::closeIdleConnections() { pokeAll(Order::kCloseWhenIdle); }

void MountTarget::cutOne() {
  const std::lock_guard lock(mutex_);
  for (auto entry = live_.rbegin(); entry != live_.rend(); ++entry) {
    LiveConnection& live = *entry->second;
    if (!live.binding.partition || live.calls == 0 || live.first_only != 0) continue;
    live.order = Order::kReset;
    return poke(live);
  }
}

Status MountTarget::move(const std::string& ip) {
  EFS_TRY(checked, socketAddress({ip, world_.config().nfs_port}));
  (void)checked;
  refuse();
  std::string old;
  {
    const std::lock_guard lock(mutex_);
    old = std::exchange(target_.ip, ip);
  }
  if (auto moved = listen(); !moved) {
    {
      const std::lock_guard lock(mutex_);
      target_.ip = old;
    }
    (void)listen();
    return moved;
  }
  world_.moveTarget(fs_.id, target_.az, ip);
  return {};
}

void MountTarget::pokeAll(Order order) {
  const std::lock_guard lock(mutex_);
  for (auto& [id, live] : live_) {
    if (order != Order::kNone) live->order = order;
    poke(*live);
  }
}

void MountTarget::admit(UniqueFd fd) {
  auto wake = StopSignal::create();
  UniqueFd poke_fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake || !poke_fd.valid()) return;
  const std::lock_guard lock(mutex_);
  if (stopping_) return;
  auto owned = std::make_unique<LiveConnection>();
  LiveConnection* live = owned.get();
  live->id = next_id_++;
  live->peer = peerName(fd.get());
  live->wake = std::move(*wake);
  live->poke = std::move(poke_fd);
  ++stats_.connections;
  auto shared = std::make_shared<UniqueFd>(std::move(fd));  // std::function copies
  const bool runs = crew_.run([this, shared, live] {
    serve(std::move(*shared), *live);
    const std::lock_guard inner(mutex_);
    stats_.bytes_in += live->bytes_in;
    stats_.bytes_out += live->bytes_out;
    live_.erase(live->id);
  });
  if (runs) live_[live->id] = std::move(owned);
}

bool MountTarget::waitForLight(const LiveConnection& live) const {
  while (blackhole_) {
    if (live.order == Order::kReset || !waitForPoke(live, kLong)) return false;
  }
  return true;
}

void MountTarget::serve(UniqueFd fd, LiveConnection& live) {
  const int on = 1;
  ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  auto stream = openStream(std::move(fd), live);
  if (!stream) return;
  const auto verdict = judge(*stream, live);
  if (!verdict) return;
  {
    const std::lock_guard lock(mutex_);
    live.access_point_id = verdict->access_point_id;
    live.tls = stream->isTls();
    ++stats_.by_access_point[verdict->access_point_id];
  }
  relayNfs(std::move(*stream), live, *verdict);
}

std::optional<Stream> MountTarget::openStream(UniqueFd fd, LiveConnection& live) {
  const auto count = [this](std::uint64_t TargetStats::*counter) {
    const std::lock_guard lock(mutex_);
    ++(stats_.*counter);
  };
  if (!waitForLight(live)) {
    resetOnClose(fd.get());
    return std::nullopt;
  }
  std::uint8_t first = 0;
  const bool spoke = waitFor(fd.get(), POLLIN, *live.wake, kFirstBytePatience) == Ready::kYes &&
                     ::recv(fd.get(), &first, 1, MSG_PEEK) == 1;
  if (!spoke) {
    count(&TargetStats::probes);
    return std::nullopt;
  }
  if (!waitForLight(live)) {
    resetOnClose(fd.get());
    return std::nullopt;
  }
  if (first != kTlsHandshakeRecord) {
    count(&TargetStats::plain);
    return Stream::plain(std::move(fd));
  }
  // Polled, because the switch belongs to no connection; the stall ends 50 ms late at most.
  while (world_.handshake_stall) {
    if (live.order == Order::kReset || !waitForPoke(live, Duration(50))) return std::nullopt;
  }
  auto stream = Stream::acceptTls(std::move(fd), identity_.context(world_.server_certificate),
                                  *live.wake, kHandshakePatience);
  if (!stream) {
    count(&TargetStats::handshake_failures);
    world_.recordRefusal("tls", fs_.id, live.peer, {"handshake", stream.error().message()});
    return std::nullopt;
  }
  count(&TargetStats::tls);
  return std::move(*stream);
}

std::optional<MountTarget::Verdict> MountTarget::judge(const Stream& stream,
                                                       const LiveConnection& live) {
  if (!stream.isTls()) return Verdict{};
  const auto refuseWith = [&](const Refusal& refusal) {
    world_.recordRefusal("certificate", fs_.id, live.peer, refusal);
    const std::lock_guard lock(mutex_);
    ++stats_.refused;
    return std::nullopt;
  };
  const auto der = stream.peerCertificate();
  if (!der) return refuseWith({"certificate", "missing"});
  const auto claim = parseClientCertificate(*der);
  if (!claim) return refuseWith(claim.error());
  CertificateRules rules;
  rules.file_system_id = fs_.id;
  rules.region = world_.config().region;
  rules.service = serviceOf(fs_);
  rules.now = world_.now();
  rules.max_skew = std::chrono::seconds(world_.config().max_skew_sec);
  rules.strict_skew = world_.strict_skew;
  rules.knows_access_point = [this](const std::string& id) {
    return std::any_of(fs_.access_points.begin(), fs_.access_points.end(),
                       [&](const AccessPoint& point) { return point.id == id; });
  };
  rules.identity_of_key = [this](const std::string& key) { return world_.identityOfKey(key); };
  const auto identity = judgeClaim(*claim, rules);
  if (!identity) return refuseWith(identity.error());
  return Verdict{claim->access_point_id.value_or(""), *identity ? (*identity)->arn : ""};
}

void MountTarget::relayNfs(Stream client, LiveConnection& live, const Verdict& verdict) {
  const auto endpoint = servers_.find(fs_, verdict.access_point_id, target_.az);
  if (!endpoint) return;
  auto upstream = connectTo(*endpoint, *live.wake, kServerPatience);
  if (!upstream) {
    world_.recordRefusal("server", fs_.id, live.peer, {"nfs_server", upstream.error().message()});
    return;
  }
  const bool tls = client.isTls();
  const auto policyDenies = [&] { return faultOf(world_.policy(fs_.id), verdict.arn, tls); };
  const bool at_root = world_.deny_at_root;
  const bool denied_from_start = policyDenies().has_value();
  DenialFilter filter(
      {[&] { return policyDenies().has_value(); }, at_root, !at_root || denied_from_start}, [&] {
        if (auto fault = policyDenies()) {
          world_.recordRefusal("policy", fs_.id, live.peer, *fault);
        }
        const std::lock_guard lock(mutex_);
        ++stats_.denied;
      });
  Stream server = Stream::plain(std::move(*upstream));
  const RelayMood mood{[this] { return blackhole_.load(); }, [this] { return delay_ms_.load(); },
                       [this] { return limit_.load(); }};
  std::optional<PartitionFilter> partition;
  if (fs_.partitions.count > 0)
    partition.emplace(fs_.partitions, fs_.id, binds_, world_.sessions, partitionEvents(live));
  Conversation talk(filter, partition ? &*partition : nullptr);
  const RelayEnd end = relay(client, server, live, talk, mood);
  if (end == RelayEnd::kReset) resetOnClose(client.fd());
  if (end == RelayEnd::kIdle) client.endOutput();
}

PartitionEvents MountTarget::partitionEvents(LiveConnection& live) {
  return {[this, &live](const Binding& binding) {
            const std::lock_guard lock(mutex_);
            live.binding = binding;
            ++stats_.binds[binding.answer];
          },
          [this, &live](bool first_only) {
            const std::lock_guard lock(mutex_);
            ++(first_only ? live.first_only : live.calls);
          },
          [this] {
            const std::lock_guard lock(mutex_);
            ++stats_.bad_sessions;
          }};
}

TargetStats MountTarget::stats() const {
  const std::lock_guard lock(mutex_);
  TargetStats stats = stats_;
  stats.fs_id = fs_.id;
  stats.az = target_.az;
  stats.ip = target_.ip;
  stats.delay_ms = delay_ms_;
  stats.mode = refusing_ ? "refuse" : blackhole_ ? "blackhole" : delay_ms_ > 0 ? "delay" : "ok";
  stats.open = live_.size();
  for (const auto& [id, live] : live_) {
    stats.bytes_in += live->bytes_in;
    stats.bytes_out += live->bytes_out;
  }
  return stats;
}

std::vector<ConnectionInfo> MountTarget::connections() const {
  const std::lock_guard lock(mutex_);
  std::vector<ConnectionInfo> list;
  for (const auto& [id, live] : live_) {
    list.push_back({id, live->peer, live->access_point_id, live->tls, live->bytes_in,
                    live->bytes_out, live->binding, live->calls, live->first_only});
  }
  return list;
}

}  // namespace efs::simulator
