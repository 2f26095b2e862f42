#include "daemon.h"

#include <utility>

#include "simulated_tools.h"
#include "supervisor.h"
#include "world.h"

namespace efs::watchdog::simulation {
namespace {

struct Crash {};

constexpr Duration kTick{60000};
constexpr int kMostTurns = 2000;

}  // namespace

Daemon::Daemon(World& world) : world_(world) {}

Daemon::~Daemon() {
  dead_ = true;
  supervisor_.reset();
}

bool Daemon::enter(const char* what) {
  if (dead_) return false;
  ++calls_;
  const bool chosen = (world_.plan.crash_at_call && calls_ == *world_.plan.crash_at_call) ||
                      (crash_one_in_ != 0 && world_.time.oneIn(crash_one_in_));
  if (!chosen || supervisor_ == nullptr) return true;
  world_.journal.note(std::string("the watchdog crashes before ") + what);
  Probes::reach("watchdog crashed at a call");
  throw Crash{};
}

void Daemon::start() {
  if (supervisor_) return;
  ++life_;
  dead_ = false;
  since_ = world_.time.monotonic();
  next_tick_ = since_ + kTick;
  world_.journal.note("the watchdog starts");
  tools_ = std::make_unique<SimulatedTools>(world_);
  supervisor_ = std::make_unique<Supervisor>(
      tools_->all(), state::StateStore(kStateDirectory, tools_->files()),
      Identity{.version = "1", .environment = {{"AWS_PROFILE", "of-the-daemon"}}});
  table_changed_ = files_changed_ = false;
  try {
    supervisor_->clearStagingAfterCrash();
    supervisor_->configure(settings_);
    for (auto& [name, socket] : std::map<std::string, SocketPtr>(stored)) {
      (void)supervisor_->takeListener(name, tools_->listenerOf(socket));
    }
  } catch (const Crash&) {
    afterCrash();
  }
}

void Daemon::stop() {
  if (!supervisor_) return;
  world_.journal.note("the watchdog is stopped");
  supervisor_.reset();
  crash();
}

void Daemon::crash() {
  dead_ = true;
  posted_.clear();
  supervisor_.reset();
  tools_.reset();
  for (const auto& tunnel : world_.tunnels.all()) {
    tunnel->of_watchdog = false;
    tunnel->when_ended.clear();
  }
  if (world_.plan.put_back.forgets_listeners) stored.clear();
}

void Daemon::afterCrash() {
  crash();
  startIn(world_.time.between(Duration(50), Duration(20000)));
}

void Daemon::startIn(Duration delay) {
  world_.time.in(delay, [this] { start(); });
}

void Daemon::post(std::function<void()> callback) {
  if (supervisor_) posted_.push_back(std::move(callback));
}

void Daemon::giveListener(const std::string& name, const SocketPtr& socket) {
  post([this, name, socket] { (void)supervisor_->takeListener(name, tools_->listenerOf(socket)); });
}

void Daemon::noteUnmounted(int port) {
  for (const auto& name : world_.files.names(kStateDirectory)) {
    const auto parsed = state::parseMountName(name);
    if (parsed && parsed->port == port) post([this, name] { supervisor_->noteUnmounted(name); });
  }
}

void Daemon::tableChanged() { table_changed_ = true; }
void Daemon::filesChanged() { files_changed_ = true; }
void Daemon::clockWasSet() { clock_set_ = true; }

void Daemon::configure(const settings::Settings& settings) {
  settings_ = settings;
  if (supervisor_) supervisor_->configure(settings_);
}

void Daemon::tick() {
  next_tick_ = world_.time.monotonic() + kTick;
  supervisor_->retry();
  if (std::exchange(clock_set_, false)) supervisor_->clockChanged();
}

void Daemon::runCallbacks() {
  const auto callbacks = std::exchange(posted_, {});
  for (const auto& callback : callbacks) callback();
}

void Daemon::turn() {
  try {
    for (int turns = 0; supervisor_; ++turns) {
      if (turns > kMostTurns) return world_.journal.violate("the watchdog runs without a pause");
      runCallbacks();
      if (world_.time.monotonic() >= next_tick_) tick();
      if (std::exchange(table_changed_, false)) supervisor_->mountsChanged();
      if (std::exchange(files_changed_, false)) supervisor_->stateChanged();
      supervisor_->run();
      const auto next = supervisor_->wake();
      const bool more = next && *next <= world_.time.monotonic();
      if (!more && posted_.empty() && !table_changed_ && !files_changed_) return;
    }
  } catch (const Crash&) {
    afterCrash();
  }
}

std::optional<MonoTime> Daemon::wake() const {
  if (!supervisor_) return std::nullopt;
  const auto wanted = supervisor_->wake();
  return std::min(next_tick_, wanted.value_or(next_tick_));
}

}  // namespace efs::watchdog::simulation
