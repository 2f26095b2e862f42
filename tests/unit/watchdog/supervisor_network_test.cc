// Mounts whose NFS client is in another network than their tunnel.
#include <signal.h>

#include "supervisor_world.h"

namespace efs::watchdog {
namespace {

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

// A container's mount of the same port outlives ours: it is not served from here, as us.
TEST_F(SupervisorTest, LetsNoTunnelWorkForAMountAtAnotherPlace) {
  mount();
  auto& shown = world_.kernel.mounted.back();
  shown.device = kPort + 1;
  shown.target = "/mnt/container";
  world_.kernel.elsewhere.insert(kPort + 1);
  supervisor_->mountsChanged();
  world_.children.network = "/run/netns/pod";
  pass(std::chrono::minutes(3));
  EXPECT_EQ(world_.host.networks["/run/netns/pod"].count(kPort), 0U);
  for (const auto& tunnel : world_.host.all) EXPECT_EQ(tunnel->network, "");
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
