// The whole Supervisor over a host in memory.
#include "supervisor.h"

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <memory>

#include "daemon/status_report.h"
#include "small_world.h"

namespace efs::watchdog {
namespace {

using ::testing::IsEmpty;

constexpr int kPort = 20049;
const std::string kDirectory = "/run/efs";
const std::string kName = "fs-0123456789abcdef0.mnt.efs.20049";

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
    EXPECT_THAT(world_.files.paths(), IsEmpty());
    return tunnel->alive;
  }

  const MountRecord& record() const { return supervisor_->records().at(kName); }

  small::SmallWorld world_;
  state::StateStore store_{kDirectory, world_.files};
  std::unique_ptr<Supervisor> supervisor_;
};

TEST_F(SupervisorTest, LooksAfterAMountFromItsAdoptionToItsEnd) {
  mount();
  pass(std::chrono::seconds(1));
  ASSERT_TRUE(record().tunnel);
  const pid_t first = record().tunnel->pid();
  EXPECT_EQ(world_.log.count("supervising the tunnel with PID"), 1U);
  EXPECT_EQ(world_.host.stored.count(kName), 1U);

  // It lived long enough to be replaced at once, behind the same listener.
  pass(std::chrono::seconds(20));
  world_.host.end(*world_.host.all.front(), SIGSEGV);
  EXPECT_EQ(world_.host.open_ports.count(kPort), 1U) << "the port stays open";
  pass(std::chrono::seconds(1));
  ASSERT_TRUE(record().tunnel);
  EXPECT_NE(record().tunnel->pid(), first);
  EXPECT_EQ(world_.host.alive(kPort), 1U);
  EXPECT_EQ(store_.read(kName)->pid, record().tunnel->pid());
  ASSERT_FALSE(record().because.empty());
  EXPECT_EQ(record().because.front().what, "start tunnel");
  EXPECT_EQ(record().because.front().why, "its tunnel is dead");
  EXPECT_EQ(reportStatus(supervisor_->records(), supervisor_->view()).mounts.front().restarts, 1);

  unmount();
  pass(std::chrono::seconds(70));  // the kernel may have to come back to the new tunnel
  EXPECT_EQ(world_.log.count("TLS tunnel for " + kName + " is not running"), 1U);
  EXPECT_EQ(world_.log.count("Unmount grace period expired for " + kName), 1U);
  EXPECT_EQ(world_.log.count("Cleaned up the state of " + kName), 1U);
  EXPECT_THAT(supervisor_->records(), IsEmpty());
  EXPECT_THAT(world_.files.paths(), IsEmpty());
  EXPECT_THAT(world_.host.open_ports, IsEmpty());
  EXPECT_THAT(world_.host.stored, IsEmpty());
  EXPECT_EQ(world_.host.alive(kPort), 0U);
}

TEST_F(SupervisorTest, TellsOnceWhyNoTunnelStarts) {
  mount();
  pass(std::chrono::seconds(20));
  world_.host.starts_nothing = true;
  world_.host.end(*world_.host.all.front(), SIGSEGV);
  pass(std::chrono::minutes(5));
  EXPECT_EQ(world_.log.count("Watchdog failed to start the TLS tunnel for " + kName), 1U);
  world_.host.starts_nothing = false;
  pass(std::chrono::minutes(1));
  EXPECT_EQ(world_.host.alive(kPort), 1U);
}

// As many clean-ups run as may; who waits for a place is next as soon as there is one.
TEST_F(SupervisorTest, CleansUpTheNextMountWhenAPlaceIsFree) {
  constexpr int kMounts = 18;  // two more than places
  const auto nameOf = [](int port) { return "fs-0123456789abcdef0.mnt." + std::to_string(port); };
  for (int port = kPort; port < kPort + kMounts; ++port) mount(port, nameOf(port));
  pass(std::chrono::seconds(20));
  unmount();
  for (int port = kPort; port < kPort + kMounts; ++port) supervisor_->noteUnmounted(nameOf(port));
  for (int turn = 0; turn < 10; ++turn) pass(std::chrono::milliseconds(1));
  EXPECT_EQ(supervisor_->records().size(), 0U) << "nobody waits for its next time";
}

TEST_F(SupervisorTest, AnotherWatchdogGoesOnWithTheSameTunnelAndListener) {
  mount();
  pass(std::chrono::seconds(1));
  const pid_t tunnel = record().tunnel->pid();
  restart();
  EXPECT_EQ(world_.host.alive(kPort), 1U);
  pass(std::chrono::seconds(1));
  ASSERT_TRUE(record().tunnel);
  EXPECT_EQ(record().tunnel->pid(), tunnel);
  EXPECT_EQ(record().restarts, 0);
}

// Issue 11, A5: rm -rf of the state directory's content.
TEST_F(SupervisorTest, ReplacesATunnelAfterAllFilesOfItsMountAreGone) {
  mount();
  pass(std::chrono::seconds(20));
  const auto paths = store_.paths(kName);
  const std::string config = world_.files.read(paths.tunnel_config, 4096).value();
  for (const auto& path : world_.files.paths()) ASSERT_TRUE(world_.files.remove(path));
  supervisor_->stateChanged();
  pass(std::chrono::seconds(2));
  world_.host.end(*world_.host.all.front(), SIGSEGV);
  pass(std::chrono::seconds(2));
  EXPECT_EQ(world_.host.alive(kPort), 1U);
  EXPECT_EQ(world_.files.read(paths.tunnel_config, 4096).value(), config);
  EXPECT_EQ(world_.log.count("the configuration of its tunnel is gone, written again"), 1U);
  EXPECT_EQ(store_.read(kName)->pid, record().tunnel->pid());
}

// Who knows the configuration by heart may die before a tunnel needs it.
TEST_F(SupervisorTest, WritesALostConfigurationAgainBeforeATunnelNeedsIt) {
  for (const bool state_too : {false, true}) {
    if (!state_too) mount();
    pass(std::chrono::seconds(20));
    const auto paths = store_.paths(kName);
    ASSERT_TRUE(world_.files.remove(paths.tunnel_config));
    if (state_too) {
      ASSERT_TRUE(world_.files.remove(paths.state));
    }
    supervisor_->stateChanged();
    pass(std::chrono::seconds(2));
    if (!state_too) supervisor_->retry();
    EXPECT_TRUE(world_.files.isRegular(paths.tunnel_config)) << state_too;
    restart();
    pass(std::chrono::seconds(20));
    world_.host.end(*world_.host.all.back(), SIGSEGV);
    pass(std::chrono::seconds(2));
    EXPECT_EQ(world_.host.alive(kPort), 1U) << state_too;
  }
}

// Issue 11, B19: 566 changes among 1,520 mounts in 10 s cost 920 ms. Each costs a reading.
TEST_F(SupervisorTest, ReadsTheMountTableAFewTimesHoweverOftenItChanges) {
  const auto readings = [this](int changes) {
    pass(std::chrono::seconds(2));
    world_.kernel.reads = 0;
    for (int i = 0; i < changes; ++i) {
      supervisor_->mountsChanged();
      pass(Duration(17));
    }
    pass(std::chrono::seconds(2));
    return world_.kernel.reads;
  };
  EXPECT_EQ(readings(1), 1) << "the last change is always seen";
  EXPECT_LE(readings(566), 12) << "nothing to supervise";
  mount();
  EXPECT_LE(readings(566), 110);
  unmount();
  pass(std::chrono::seconds(10));
  EXPECT_THAT(supervisor_->records(), IsEmpty());
}

// Issue 11, 31: what a probe found out is no longer true when bytes have moved since.
TEST_F(SupervisorTest, KillsNoTunnelThatHasReadSinceItIgnoredAProbe) {
  world_.host.page.emplace();
  auto& numbers = world_.host.page->numbers;
  numbers.remembers = numbers.clients = numbers.outstanding = numbers.connections_total = 1;
  numbers.bytes_up = numbers.bytes_down = 1000;
  mount();
  world_.host.page->facts.pid = world_.host.all.front()->pid;
  world_.host.page->numbers.waiting_since = static_cast<std::uint64_t>(
      std::chrono::duration_cast<Duration>(world_.clock.monotonic().time_since_epoch()).count());
  pass(std::chrono::seconds(9));
  EXPECT_TRUE(record().health.ignored_probe);
  numbers.bytes_up += 100;
  pass(std::chrono::seconds(5));
  EXPECT_FALSE(record().health.ignored_probe);
  EXPECT_TRUE(record().progress.health.hung_since);
  EXPECT_EQ(world_.log.count("replacing its tunnel"), 0U);
  EXPECT_TRUE(world_.host.all.front()->alive);
}

// The rule above all others.
TEST_F(SupervisorTest, StopsNoTunnelWhoseMountTheKernelStillHolds) {
  mount();
  pass(std::chrono::seconds(60));
  world_.kernel.mounted.clear();  // lazily detached, with files open
  supervisor_->mountsChanged();
  pass(std::chrono::hours(2));
  EXPECT_EQ(world_.host.alive(kPort), 1U);
  EXPECT_FALSE(world_.files.paths().empty());
  unmount();
  pass(std::chrono::seconds(10));
  EXPECT_EQ(world_.host.alive(kPort), 0U);
  EXPECT_THAT(world_.files.paths(), IsEmpty());
}

// A file that somebody deletes under a live mount is written again from memory.
TEST_F(SupervisorTest, WritesTheStateOfALiveMountAgain) {
  mount();
  pass(std::chrono::seconds(1));
  ASSERT_TRUE(world_.files.remove(store_.paths(kName).state));
  supervisor_->stateChanged();
  pass(std::chrono::seconds(2));
  const auto again = store_.read(kName);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->pid, record().tunnel->pid());
}

// One that is deleted after the unmount, while the kernel still says good bye: without a record
// nobody would end the tunnel, and its port would be lost.
TEST_F(SupervisorTest, EndsATunnelWhoseStateFileWentBeforeItsLastClient) {
  mount();
  pass(std::chrono::seconds(60));
  world_.kernel.mounted.clear();
  supervisor_->mountsChanged();
  pass(std::chrono::seconds(1));
  ASSERT_TRUE(world_.files.remove(store_.paths(kName).state));
  supervisor_->stateChanged();
  pass(std::chrono::seconds(30));
  EXPECT_EQ(world_.host.alive(kPort), 1U) << "it is in use";
  unmount();
  pass(std::chrono::seconds(10));
  EXPECT_EQ(world_.host.alive(kPort), 0U);
  EXPECT_THAT(world_.files.paths(), IsEmpty());
  EXPECT_THAT(world_.host.open_ports, IsEmpty());
}

// Unknown is no "no": a file that is deleted while nobody can tell what is mounted.
TEST_F(SupervisorTest, ForgetsNoMountWhileTheMountTableCannotBeRead) {
  mount();
  pass(std::chrono::seconds(1));
  world_.kernel.unreadable = true;
  ASSERT_TRUE(world_.files.remove(store_.paths(kName).state));
  supervisor_->stateChanged();
  pass(std::chrono::seconds(2));
  EXPECT_EQ(supervisor_->records().count(kName), 1U);
}

// The event of an unmount comes once; whoever could not read the table then looks again.
TEST_F(SupervisorTest, ReadsAMountTableAgainThatCouldNotBeRead) {
  mount();
  pass(std::chrono::seconds(60));
  world_.kernel.unreadable = true;
  unmount();
  pass(std::chrono::seconds(60));
  EXPECT_EQ(world_.host.alive(kPort), 1U);
  world_.kernel.unreadable = false;
  pass(std::chrono::seconds(10));
  EXPECT_EQ(world_.host.alive(kPort), 0U);
  EXPECT_THAT(world_.files.paths(), IsEmpty());
}

// The roots may have been lost, and the connection made anew, before this watchdog was there.
TEST_F(SupervisorTest, AsksEachRootOnceAfterItsStartAndNotAllAtOnce) {
  constexpr int kMounts = 50;
  for (int i = 0; i < kMounts; ++i) {
    mount(kPort + i, "fs-0123456789abcdef0.mnt.efs." + std::to_string(kPort + i));
  }
  pass(std::chrono::seconds(4));
  EXPECT_EQ(world_.children.roots_asked, 0);
  pass(std::chrono::seconds(10));
  EXPECT_EQ(world_.children.roots_asked, kMounts);
  EXPECT_LE(world_.children.most_at_once, 16U);
  pass(std::chrono::hours(1));
  EXPECT_EQ(world_.children.roots_asked, kMounts);
}

// The path leads to what covers it; the roots may have been lost all the same.
TEST_F(SupervisorTest, AsksARootThatWasCoveredWhenItIsInSightAgain) {
  mount();
  const auto below = world_.kernel.mounted.front();
  world_.kernel.mounted.push_back({.id = 7,
                                   .parent_id = below.id,
                                   .device = 7,
                                   .root = "/",
                                   .source = "tmpfs",
                                   .target = below.target,
                                   .fs_type = "tmpfs",
                                   .options = "rw"});
  pass(std::chrono::minutes(5));
  EXPECT_EQ(world_.children.roots_asked, 0);
  world_.kernel.mounted.pop_back();
  supervisor_->mountsChanged();
  pass(std::chrono::seconds(31));
  EXPECT_EQ(world_.children.roots_asked, 1);
}

// The state file could not be written when the tunnel was replaced, and its pid is a process of a
// sandbox by now: the tunnel is the one that listens.
TEST_F(SupervisorTest, FindsATunnelByItsPortWhereThePidOfTheFileMayNotBeLookedAt) {
  mount();
  world_.host.forbidden.insert(world_.host.all.front()->pid);
  world_.host.end(*world_.host.all.front(), SIGKILL);
  const auto other = world_.host.spawn(kPort);
  pass(std::chrono::seconds(6));
  ASSERT_TRUE(record().tunnel);
  EXPECT_EQ(record().tunnel->pid(), other->pid);
  EXPECT_EQ(store_.read(kName)->pid, other->pid);
}

TEST_F(SupervisorTest, TakesATunnelForDeadThatMayNotBeLookedAtAndAcceptsNothing) {
  mount();
  world_.host.forbidden.insert(world_.host.all.front()->pid);
  world_.host.unaccepted.insert(kPort);
  pass(std::chrono::seconds(2));
  EXPECT_EQ(world_.log.count("is taken for dead"), 0U);
  pass(std::chrono::seconds(3));
  EXPECT_EQ(world_.log.count("is taken for dead"), 1U);
}

// A guest that was paused, a host out of memory: whoever accepts comes to his turn after us.
TEST_F(SupervisorTest, DoesNotTakeATunnelForDeadThatStoodStillAsTheWatchdogDid) {
  mount();
  world_.host.forbidden.insert(world_.host.all.front()->pid);
  world_.host.unaccepted.insert(kPort);
  pass(std::chrono::seconds(1));
  for (int pause = 0; pause < 2; ++pause) {
    world_.clock.advance(std::chrono::seconds(30));
    pass(std::chrono::milliseconds(100));
  }
  world_.host.unaccepted.clear();
  pass(std::chrono::seconds(10));
  EXPECT_EQ(world_.log.count("is taken for dead"), 0U);
}

// The pid of its state file is a process of a sandbox by now; nothing ever comes to its port.
TEST_F(SupervisorTest, ClearsAnUnmountedMountWhosePidMayNotBeLookedAt) {
  mount();
  pass(std::chrono::seconds(1));
  const pid_t pid = record().tunnel->pid();
  supervisor_.reset();
  world_.host.end(*world_.host.all.front(), SIGKILL);
  world_.host.forbidden.insert(pid);
  world_.kernel.mounted.clear();
  world_.kernel.clients.clear();
  restart();
  for (auto& [name, listener] : world_.host.stored) {
    const auto& port = dynamic_cast<const small::PortHandle&>(*listener);
    ASSERT_TRUE(supervisor_->takeListener(
        name, std::make_unique<small::PortHandle>(world_.host.open_ports, port.port())));
  }
  pass(std::chrono::minutes(10));
  EXPECT_THAT(world_.files.paths(), IsEmpty());
  EXPECT_EQ(world_.host.alive(kPort), 0U);
  EXPECT_LE(world_.host.searches, 12) << "a look at all processes, once a minute at most";
}

// A mount.efs that died before it wrote a state file; nothing else would ever free its port.
TEST_F(SupervisorTest, RemovesWhatAMountHasLeftThatFailedBeforeItsStateFile) {
  const auto paths = store_.paths(kName);
  ASSERT_TRUE(world_.files.write(paths.tunnel_config, "connect = 10.0.0.1:2049\n", 0600));
  ASSERT_TRUE(world_.files.write(paths.certificate, "pem", 0600));
  const auto minutes = [this](int count) {
    for (int i = 0; i < count; ++i) {
      pass(std::chrono::minutes(1));
      supervisor_->retry();
    }
  };
  minutes(9);
  EXPECT_THAT(world_.files.paths(), ::testing::SizeIs(2)) << "it may be under way";
  // Its port is in use: then it stays.
  world_.kernel.clients.insert(kPort);
  minutes(20);
  EXPECT_THAT(world_.files.paths(), ::testing::SizeIs(2));
  world_.kernel.clients.clear();
  minutes(1);
  pass(std::chrono::seconds(1));
  EXPECT_THAT(world_.files.paths(), IsEmpty());
}

// A maker that was killed after the start of its tunnel, before it noted the PID.
TEST_F(SupervisorTest, EndsATunnelThatItsMakerDidNotNote) {
  EXPECT_FALSE(runsAfterItsMakerDied("efs-proxy\n" + store_.paths(kName).tunnel_config));
}

// No tunnel has the PID that stands for none.
TEST_F(SupervisorTest, EndsATunnelOfWhichTheFileNamesProcessOne) {
  EXPECT_FALSE(runsAfterItsMakerDied("efs-proxy\n" + store_.paths(kName).tunnel_config, 1));
}

// Whoever listens there with another configuration is somebody else's.
TEST_F(SupervisorTest, LeavesATunnelOfSomebodyElseOnThePortOfAMountThatFailed) {
  EXPECT_TRUE(runsAfterItsMakerDied("efs-proxy\n/srv/efs/stunnel-config." + kName));
}

// The file went while no watchdog ran, and the mount with it.
TEST_F(SupervisorTest, EndsATunnelWhoseStateFileAndMountAreGone) {
  mount();
  const auto tunnel = world_.host.all.front();
  noteCommandLine(*tunnel, "efs-proxy\n" + store_.paths(kName).tunnel_config);
  supervisor_.reset();
  ASSERT_TRUE(world_.files.remove(store_.paths(kName).state));
  world_.kernel.mounted.clear();
  restart();
  sweepFor(12);
  EXPECT_TRUE(tunnel->alive) << "the kernel says good bye through it";
  world_.kernel.clients.clear();
  sweepFor(3);
  EXPECT_FALSE(tunnel->alive);
  EXPECT_THAT(world_.files.paths(), IsEmpty());
}

// The kernel says good bye through a port without a state file; between two of its connections
// nothing shows that.
TEST_F(SupervisorTest, KeepsAPortWhoseClientIsAwayForAMoment) {
  mount();
  pass(std::chrono::seconds(1));
  supervisor_.reset();
  ASSERT_TRUE(world_.files.remove(store_.paths(kName).state));
  world_.kernel.mounted.clear();
  restart();
  ASSERT_TRUE(supervisor_->takeListener(
      kName, std::make_unique<small::PortHandle>(world_.host.open_ports, kPort)));
  const auto isKeptFor = [this](int seconds) {
    for (int i = 0; i < seconds; i += 5) pass(std::chrono::seconds(5));
    return world_.host.stored.count(kName) != 0;
  };
  EXPECT_TRUE(isKeptFor(40));
  world_.kernel.clients.clear();
  EXPECT_TRUE(isKeptFor(45));
  world_.kernel.clients.insert(kPort);
  EXPECT_TRUE(isKeptFor(60));
  world_.kernel.clients.clear();
  EXPECT_FALSE(isKeptFor(150));
}

// A disk that is full when a lost state is to be written: the mount is looked after all the same.
TEST_F(SupervisorTest, RebuildsALostStateInMemoryWhileTheDiskIsFull) {
  mount();
  ASSERT_TRUE(world_.files.remove(store_.paths(kName).state));
  world_.files.full = true;
  pass(std::chrono::minutes(3));
  EXPECT_EQ(world_.log.count("is mounted without a state file"), 1U);
  ASSERT_EQ(supervisor_->records().count(kName), 1U);
  EXPECT_TRUE(record().tunnel);
  world_.files.full = false;
  supervisor_->retry();
  EXPECT_TRUE(store_.read(kName));
}

// A file that tells nothing, of a mount that is gone: its tunnel and its files go like others'.
TEST_F(SupervisorTest, ClearsAnUnmountedMountWhoseStateFileIsBroken) {
  mount();
  pass(std::chrono::seconds(1));
  supervisor_.reset();
  ASSERT_TRUE(world_.files.write(store_.paths(kName).state, "{", 0600));
  world_.kernel.mounted.clear();
  world_.kernel.clients.clear();
  restart();
  pass(std::chrono::minutes(3));
  EXPECT_EQ(world_.host.alive(kPort), 0U);
  EXPECT_THAT(world_.files.paths(), IsEmpty());
}

// The same without its copy and without a configuration: ten minutes of nobody's interest.
TEST_F(SupervisorTest, RemovesABrokenStateFileOfWhichNothingElseIsLeft) {
  ASSERT_TRUE(world_.files.write(store_.paths(kName).state, "{", 0600));
  pass(std::chrono::minutes(9));
  EXPECT_EQ(world_.files.paths().size(), 1U);
  pass(std::chrono::minutes(6));
  EXPECT_THAT(world_.files.paths(), IsEmpty());
}

// Issue 11, A13: a container made the mount with a network of its own and was started anew with
// another.
TEST_F(SupervisorTest, LetsTheTunnelOfAMountWorkWhereItsClientIs) {
  mount();
  world_.kernel.elsewhere.insert(kPort);
  world_.children.network = "/run/netns/pod";
  const auto lost = world_.host.all.front();
  pass(std::chrono::minutes(1));
  EXPECT_FALSE(lost->alive);
  const auto& now = world_.host.all.back();
  ASSERT_TRUE(now->alive);
  EXPECT_EQ(now->network, "/run/netns/pod");
  EXPECT_EQ(world_.host.networks["/run/netns/pod"].count(kPort), 1U);
  EXPECT_EQ(world_.host.open_ports.count(kPort), 0U);
  // The next one, and the next watchdog's, is started there too.
  EXPECT_EQ(store_.read(kName)->cmd.at(1), "--net=/run/netns/pod");
  world_.host.end(*now, SIGKILL);
  pass(std::chrono::minutes(1));
  EXPECT_EQ(world_.host.all.back()->network, "/run/netns/pod");
  EXPECT_EQ(world_.log.count("in another network namespace; its tunnel goes on there"), 1U);
  EXPECT_EQ(record().novelty.text("network"), "");
}

// The process by which its network was named has ended, and with the watchdog its listener.
TEST_F(SupervisorTest, FindsAnotherWayIntoTheNetworkOfAMount) {
  mount();
  world_.kernel.elsewhere.insert(kPort);
  world_.children.network = "/proc/1234/ns/net";
  pass(std::chrono::minutes(1));
  ASSERT_EQ(world_.host.all.back()->network, "/proc/1234/ns/net");
  world_.host.end(*world_.host.all.back(), SIGKILL);
  supervisor_.reset();
  world_.host.stored.clear();
  world_.host.networks.clear();
  world_.host.gone.insert("/proc/1234/ns/net");
  world_.children.network = "/proc/99/ns/net";
  restart();
  pass(std::chrono::minutes(3));
  ASSERT_EQ(world_.host.alive(kPort), 1U);
  EXPECT_EQ(world_.host.all.back()->network, "/proc/99/ns/net");
  EXPECT_EQ(store_.read(kName)->cmd.at(1), "--net=/proc/99/ns/net");
}

TEST_F(SupervisorTest, TellsOnceOfAClientInANetworkThatNobodyCanEnter) {
  mount();
  world_.kernel.elsewhere.insert(kPort);
  pass(std::chrono::minutes(10));
  EXPECT_TRUE(world_.host.all.front()->alive);
  EXPECT_EQ(world_.host.all.size(), 1U);
  EXPECT_EQ(world_.log.count("it hangs until it is unmounted"), 1U);
  EXPECT_NE(record().novelty.text("network"), "");
}

TEST_F(SupervisorTest, KeepsTheListenerWhereThePortIsTakenInTheOtherNetwork) {
  mount();
  world_.kernel.elsewhere.insert(kPort);
  world_.children.network = "/run/netns/pod";
  world_.host.networks["/run/netns/pod"][kPort] = 1;
  pass(std::chrono::minutes(3));
  EXPECT_TRUE(world_.host.all.front()->alive);
  EXPECT_EQ(world_.host.open_ports.count(kPort), 1U);
  EXPECT_EQ(world_.log.count("the port is taken"), 1U);
}

}  // namespace
}  // namespace efs::watchdog
