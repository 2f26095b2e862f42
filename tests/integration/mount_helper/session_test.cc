// Promises of a mount's steps that only the kernel's answer decides: a merged mount is never
// accepted, the watchdog is handed the listener, and whatever fails leaves nothing.
//
// Everything is real, efs-proxy and the server's side of the pre-flight too, but the kernel's NFS
// client, which answers as each test says, and the watchdog, of which there is only the socket.
// Contract: FLOW-1, FLOW-2.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <csignal>
#include <cstdlib>
#include <vector>

#include "answering_server.h"
#include "carry_out/mount_session.h"
#include "efs/base/environment.h"
#include "efs/base/files.h"
#include "efs/base/text.h"
#include "efs/base/wait.h"
#include "efs/test_support/temp_dir.h"
#include "efs/tunnel_control/watchdog_link.h"

namespace efs::mount_helper {
namespace {

using mounts::MountOutcome;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

constexpr Duration kPatience{20000};
constexpr MountOutcome kMounted{};
constexpr MountOutcome kMerged{MountOutcome::How::kMerged, 0, 20999};
constexpr MountOutcome kOccupied{MountOutcome::How::kOccupied};

int portOf(int socket) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &length);
  return net::Endpoint::fromSockaddr(reinterpret_cast<sockaddr*>(&address), length)->port();
}

// The watchdog's end of its socket, in a child: says yes to everything, and tells of each listener
// that it was handed.
class WatchdogSocket {
 public:
  explicit WatchdogSocket(const std::string& path) {
    auto listener = tunnel_control::listenForHelpers(path).value();
    auto pipe = makePipe().value();
    process_ = Subprocess::fork([&]() -> int {
                 ::prctl(PR_SET_PDEATHSIG, SIGKILL);
                 while (true) serve(listener.get(), pipe.write_end.get());
               }).value();
    told_ = std::move(pipe.read_end);
  }
  ~WatchdogSocket() { process_->killAndReap(); }
  WatchdogSocket(const WatchdogSocket&) = delete;
  WatchdogSocket& operator=(const WatchdogSocket&) = delete;

  // "<mount name> <port>" of each listener so far: whoever handed one over has had its answer, and
  // the answer comes after the line.
  std::string handedOver() const {
    std::string text(4096, '\0');
    const auto ready = waitReady(told_.get(), POLLIN, Duration(0));
    if (!ready || !*ready) return {};
    const ssize_t got = ::read(told_.get(), text.data(), text.size());
    return text.substr(0, got > 0 ? static_cast<std::size_t>(got) : 0);
  }

 private:
  static void serve(int listener, int out) {
    if (!waitReady(listener, POLLIN, kPatience)) std::abort();
    const auto connection = tunnel_control::acceptHelper(listener);
    if (!connection || !waitReady(connection->get(), POLLIN, kPatience)) return;
    const auto received = tunnel_control::receiveRequest(connection->get());
    if (!received) return;
    if (received->descriptor.valid()) {
      const std::string port = std::to_string(portOf(received->descriptor.get()));
      (void)writeAll(out, received->request.name + " " + port + "\n", "pipe");
    }
    (void)tunnel_control::sendReply(connection->get(), {.ok = true, .error = "", .pid = {}});
  }

  std::optional<Subprocess> process_;
  UniqueFd told_;
};

class Session : public ::testing::Test {
 protected:
  Session() {
    ::setenv("PATH", environmentVariable("EFS_BIN").value_or("").c_str(), 1);
    settings_.mount.dns_name_format = "{az}.{fs_id}.efs.{region}.{dns_name_suffix}";
    settings_.mount.port_lower = 20049;
    settings_.mount.port_upper = 21049;
    settings_.mount.retry_nfs_mount = false;
    settings_.mount.optimize_readahead = true;
    settings_.mount.allow_any_local_uid = true;
    EXPECT_TRUE(makeDirectories(dir_.at("sys/fs/nfs/net/nfs_client"), 0755));
    EXPECT_TRUE(makeDirectories(dir_.at("mnt"), 0755));
    EXPECT_TRUE(writeFileAtomic(identifier_, "(null)\n"));
    kernel_.load = [] { return Status(); };
    kernel_.identifier = [this] { return mounts::KernelIdentifier::openBelow(dir_.at("sys")); };
    kernel_.set_read_ahead = [this](dev_t, unsigned long bytes) -> Status {
      read_ahead_.push_back(bytes);
      return {};
    };
    kernel_.mount = [this](const auto& nfs, const auto& rules) -> Result<MountOutcome> {
      tunnel_ = runningTunnel();
      calls_.push_back({nfs.options.value("port").value_or(""), rules.own_port.value_or(0),
                        std::string(trim(readFile(identifier_).value_or("")))});
      return answer_(calls_.size());
    };
  }

  // A mount that stands has a tunnel that runs on, and so may one that a broken session leaves.
  ~Session() override {
    if (tunnel_ <= 1 || ::kill(-tunnel_, SIGKILL) != 0) return;
    ::waitpid(tunnel_, nullptr, 0);
  }

  Outcome mount() {
    CommandLine command;
    command.device = "fs-0123abcd:/";
    command.mountpoint = dir_.at("mnt");
    command.options = "region=us-east-1,mounttargetip=" + server_.address() + options_;
    const auto request = makeMountRequest(command);
    EXPECT_TRUE(request) << request.error().describe();
    StageLog stages(clock_);
    const MountContext context{settings_, *store_, clock_, stages, kernel_};
    const MountAttempt attempt{.until = Deadline(clock_, kPatience)};
    return MountSession(*request, context, attempt).run();
  }

  // While the kernel mounts, by the state that a watchdog would read.
  pid_t runningTunnel() const {
    const auto names = state_.pendingNames();
    if (!names || names->size() != 1) return -1;
    const auto state = state_.readPending(names->front());
    return state ? state->pid.value_or(-1) : -1;
  }
  void expectNothingLeft() const {
    EXPECT_THAT(state_.mountNames().value(), IsEmpty());
    EXPECT_THAT(state_.pendingNames().value(), IsEmpty());
    EXPECT_TRUE(tunnel_ > 0 && ::kill(tunnel_, 0) != 0) << "the tunnel still runs";
  }

  struct Call {
    std::string port_option;
    int own_port = 0;
    std::string client_name;
  };

  // The children first: nothing of what follows is theirs.
  test_support::TempDir dir_;
  testing::AnsweringServer server_;
  WatchdogSocket watchdog_{dir_.at("watchdog.sock")};
  const std::string identifier_ = dir_.at("sys/fs/nfs/net/nfs_client/identifier");
  const SystemClock clock_;
  const state::StateStore state_{dir_.path()};
  const state::StateStore* store_ = &state_;
  std::string options_;  // more of them
  settings::Settings settings_;
  KernelCalls kernel_;
  std::function<Result<MountOutcome>(std::size_t call)> answer_;
  std::vector<Call> calls_;
  std::vector<unsigned long> read_ahead_;
  pid_t tunnel_ = -1;
};

// So that a tunnel that dies is replaced behind a port that stayed open.
TEST_F(Session, HandsTheListenerOfAMountThatStandsToTheWatchdog) {
  answer_ = [](std::size_t) { return kMounted; };
  const Outcome outcome = mount();
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const auto names = state_.mountNames().value();
  ASSERT_EQ(names.size(), 1U);
  EXPECT_THAT(state_.pendingNames().value(), IsEmpty());
  const std::string port = std::to_string(state::parseMountName(names[0])->port);
  EXPECT_EQ(watchdog_.handedOver(), names[0] + " " + port + "\n");
  EXPECT_EQ(::kill(state_.read(names[0])->pid.value(), 0), 0) << "its tunnel runs on";
  EXPECT_THAT(read_ahead_, ElementsAre(1048576UL));
}

// The kernel is told whose mount it is: by the port, and by a name that it puts back afterwards.
TEST_F(Session, TellsTheKernelThePortOfItsTunnelAndANameOfItsOwn) {
  answer_ = [](std::size_t) { return kMounted; };
  ASSERT_EQ(mount().code, 0);
  ASSERT_EQ(calls_.size(), 1U);
  EXPECT_EQ(calls_[0].port_option, std::to_string(calls_[0].own_port));
  const auto names = state_.mountNames().value();
  ASSERT_EQ(names.size(), 1U);
  EXPECT_EQ(calls_[0].own_port, state::parseMountName(names[0])->port);
  EXPECT_THAT(calls_[0].client_name, StartsWith("efsmount-"));
}

// Another mount's tunnel would carry it, with that one's identity.
TEST_F(Session, MountsAMergedMountAgainUnderAnotherName) {
  answer_ = [](std::size_t call) { return call == 1 ? kMerged : kMounted; };
  const Outcome outcome = mount();
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  ASSERT_EQ(calls_.size(), 2U);
  EXPECT_NE(calls_[0].client_name, calls_[1].client_name);
  EXPECT_EQ(calls_[0].own_port, calls_[1].own_port);
  EXPECT_NE(watchdog_.handedOver(), "");
}

TEST_F(Session, NeverAcceptsAMountThatStaysMerged) {
  answer_ = [](std::size_t) { return kMerged; };
  const Outcome outcome = mount();
  EXPECT_EQ(outcome.code, kMountFailed);
  EXPECT_THAT(outcome.err, HasSubstr("merged this mount with another one (trunking)"));
  EXPECT_EQ(calls_.size(), 6U) << "the first, and five apart";
  EXPECT_EQ(watchdog_.handedOver(), "");
  expectNothingLeft();
}

// FLOW-1
TEST_F(Session, LeavesNothingOfAMountThatTheKernelRefuses) {
  answer_ = [](std::size_t) {
    return Error(ErrorKind::kInvalidInput, "an incorrect mount option was specified");
  };
  const Outcome outcome = mount();
  EXPECT_EQ(outcome.code, kMountFailed);
  EXPECT_THAT(outcome.err, HasSubstr("incorrect mount option"));
  EXPECT_THAT(read_ahead_, IsEmpty());
  EXPECT_EQ(watchdog_.handedOver(), "");
  expectNothingLeft();
}

// FLOW-2: without its tunnel it is the helper that failed, not the mount.
TEST_F(Session, EndsWithOneWhenTheTunnelDiesDuringTheMount) {
  answer_ = [this](std::size_t) {
    ::kill(tunnel_, SIGKILL);
    const UniqueFd process = openPidFd(tunnel_).value();
    pollfd ended{process.get(), POLLIN, 0};
    EXPECT_EQ(::poll(&ended, 1, static_cast<int>(kPatience.count())), 1);
    return Error(ErrorKind::kReset, "Connection reset by peer");
  };
  const Outcome outcome = mount();
  EXPECT_EQ(outcome.code, kFatal);
  EXPECT_THAT(outcome.err, HasSubstr("the tunnel died during the mount"));
  expectNothingLeft();
}

// Somebody mounted there first, though nobody knows what.
TEST_F(Session, GivesWayToAMountThatCameMeanwhile) {
  answer_ = [](std::size_t) { return kOccupied; };
  const Outcome outcome = mount();
  EXPECT_EQ(outcome.code, kMountFailed);
  EXPECT_THAT(outcome.err, HasSubstr("at the same time"));
  EXPECT_EQ(watchdog_.handedOver(), "");
  expectNothingLeft();
}

// MODE-2: nothing of ours is needed without a tunnel, so a state directory that cannot be is none
// of its troubles, whether it is missing, read-only or full.
TEST_F(Session, MountsStraightWhereTheStateDirectoryCannotBe) {
  ASSERT_TRUE(writeFileAtomic(dir_.at("file"), ""));
  const state::StateStore nowhere(dir_.at("file/state"));
  store_ = &nowhere;
  options_ = ",notunnel";
  answer_ = [](std::size_t) { return kMounted; };
  const Outcome outcome = mount();
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  ASSERT_EQ(calls_.size(), 1U);
  EXPECT_EQ(calls_[0].client_name, "(null)");
}

TEST_F(Session, MountsStraightUnderANameOfItsOwn) {
  options_ = ",notunnel";
  answer_ = [](std::size_t) { return kMounted; };
  const Outcome outcome = mount();
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  ASSERT_EQ(calls_.size(), 1U);
  EXPECT_THAT(calls_[0].client_name, StartsWith("efsmount-"));
}

}  // namespace
}  // namespace efs::mount_helper
