// SupervisorTest: the whole Supervisor over a host in memory, and what administrators, mount.efs
// and time do to it.
#pragma once

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "small_world.h"
#include "supervisor.h"

namespace efs::watchdog {

inline constexpr int kPort = 20049;
inline const std::string kDirectory = "/run/efs";
inline const std::string kName = "fs-0123456789abcdef0.mnt.efs.20049";

class SupervisorTest : public ::testing::Test {
 protected:
  SupervisorTest() { restart(); }

  // A watchdog that was killed leaves what systemd keeps.
  void restart() {
    supervisor_.reset();
    supervisor_ = std::make_unique<Supervisor>(world_.tools(), store_,
                                               Identity{.version = "1", .environment = {}});
    supervisor_->clearStagingAfterCrash();
    supervisor_->configure(settings::Settings());
  }

  // As mount.efs leaves it.
  void mount(int port = kPort, const std::string& name = kName) {
    const auto tunnel = world_.host.spawn(port);
    const auto paths = store_.paths(name);
    ASSERT_TRUE(world_.files.write(paths.tunnel_config, "connect = 10.0.0.1:2049\n", 0600));
    state::MountState state;
    state.pid = tunnel->pid;
    state.cmd = {"/usr/bin/efs-proxy", paths.tunnel_config, "--no-direct-s3-read"};
    state.files = {paths.tunnel_config};
    state.mountpoint = "/mnt/efs" + std::to_string(port);
    state.fs_id = "fs-0123456789abcdef0";
    state.mount_time = std::chrono::duration<double>(world_.clock.now().time_since_epoch()).count();
    ASSERT_TRUE(store_.write(name, state));
    world_.kernel.mounted.push_back({.id = port,
                                     .parent_id = 1,
                                     .device = static_cast<dev_t>(port),
                                     .root = "/",
                                     .source = "127.0.0.1:/",
                                     .target = state.mountpoint,
                                     .fs_type = "nfs4",
                                     .options = fmt::format("rw,port={},rsize=1048576", port)});
    world_.kernel.clients.insert(port);
    supervisor_->stateChanged();
    supervisor_->mountsChanged();
  }

  void unmount() {
    world_.kernel.mounted.clear();
    world_.kernel.clients.clear();
    supervisor_->mountsChanged();
  }

  // Time passes as the loop lets it: up to the moment in which the Supervisor wants to be called.
  void pass(Duration time) {
    const MonoTime end = world_.clock.monotonic() + time;
    while (true) {
      world_.children.turn();
      world_.host.reportEnds();
      (void)supervisor_->run();
      const auto wake = supervisor_->wake();
      const MonoTime next =
          std::max(world_.clock.monotonic() + Duration(1), std::min(end, wake.value_or(end)));
      if (next > end) return;
      world_.clock.advance(std::chrono::ceil<Duration>(next - world_.clock.monotonic()));
    }
  }

  void noteCommandLine(const small::Process& process, std::string words) {
    std::replace(words.begin(), words.end(), '\n', '\0');
    world_.children.command_lines[process.pid] = words;
  }
  void sweepFor(int minutes) {
    for (int i = 0; i < minutes; ++i) {
      pass(std::chrono::minutes(1));
      supervisor_->retry();
    }
    pass(std::chrono::seconds(1));
  }
  // Whether the tunnel that listens there, and of which its maker wrote nothing, still runs when
  // all files are gone.
  bool runsAfterItsMakerDied(const std::string& command_line, pid_t noted = -1) {
    const auto paths = store_.paths(kName);
    state::MountState state;
    state.pid = noted;
    state.cmd = {"/usr/bin/efs-proxy", paths.tunnel_config};
    EXPECT_TRUE(world_.files.write(paths.tunnel_config, "connect = 10.0.0.1:2049\n", 0600));
    EXPECT_TRUE(store_.writePending(kName, state));
    const auto tunnel = world_.host.spawn(kPort);
    noteCommandLine(*tunnel, command_line);
    supervisor_->stateChanged();
    sweepFor(30);
    EXPECT_THAT(world_.files.paths(), ::testing::IsEmpty());
    return tunnel->alive;
  }

  const MountRecord& record() const { return supervisor_->records().at(kName); }

  small::SmallWorld world_;
  state::StateStore store_{kDirectory, world_.files};
  std::unique_ptr<Supervisor> supervisor_;
};

}  // namespace efs::watchdog
