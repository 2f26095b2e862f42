#include "trial/own_tunnel.h"

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "efs/base/files.h"
#include "efs/base/interrupt.h"
#include "efs/base/log.h"
#include "efs/base/text.h"
#include "efs/base/wait.h"
#include "efs/tunnel_control/tunnel_launcher.h"

namespace efs::mount_helper {

using tunnel_control::Stage;
using tunnel_control::TunnelStatus;

namespace {

// What the tunnel reads, the resolver's files included: `ip netns exec` mounts another resolv.conf.
std::vector<std::string> filesOf(const MountPlan& plan) {
  std::vector<std::string> files = {plan.paths.tunnel_config};
  const auto add = [&files](const std::string& path) {
    if (!path.empty() && fileExists(path)) files.push_back(path);
  };
  add(plan.tunnel.ca_file);
  add(plan.tunnel.private_key);
  for (const char* path : {"/etc/resolv.conf", "/etc/hosts"}) add(path);
  return files;
}

}  // namespace

Result<OwnTunnel> OwnTunnel::start(const MountPlan& plan, const net::ListeningSocket& listener,
                                   const Clock& clock, Duration patience) {
  log::info("Starting efs-proxy: \"{}\"", join(plan.tunnel_command, " "));
  EFS_TRY(launched,
          tunnel_control::launchTunnel(plan.tunnel_command, listener.fd, true, -1, filesOf(plan)));
  OwnTunnel session(std::move(launched.process), std::move(launched.status));
  log::info("Started efs-proxy, pid: {}", session.pid());
  EFS_CHECK(setNonBlocking(session.status_.get(), true));
  const Deadline deadline(clock, patience);
  while (!session.listening_ && !session.failure_ && session.alive() && !deadline.passed() &&
         interrupted() == 0) {
    session.readStatus(deadline.left());
  }
  // Also what it wrote before it ended: a tunnel that served and died is another failure.
  session.readStatus(Duration(0));
  if (session.listening_) return session;
  const char* in_time = session.alive() ? " in time" : "";
  session.stop();
  if (interrupted() != 0) return interruptedError();
  if (session.failure_)
    return Error(session.failure_->kind, "the tunnel could not start: " + session.failure_->detail);
  return Error(ErrorKind::kTimeout,
               "the tunnel " + plan.tunnel_command[0] + " did not start" + in_time)
      .addHint(std::string("its log in ") + log::kDirectory + " tells more");
}

bool OwnTunnel::alive() const {
  pollfd entry{process_.pidFd(), POLLIN, 0};
  return ::poll(&entry, 1, 0) == 0;
}

void OwnTunnel::stop() {
  // The whole group: the contract promises one session per tunnel (TUN-2).
  if (alive()) ::kill(-process_.pid(), SIGTERM);
  const auto ended = process_.wait(Duration(1000));
  if (ended && ended->has_value()) return;
  ::kill(-process_.pid(), SIGKILL);
  process_.killAndReap();
}

void OwnTunnel::readStatus(Duration patience) {
  if (!status_.valid()) return;
  const auto ready = waitReady(status_.get(), POLLIN, patience);
  if (!ready || !*ready) return;
  std::array<char, 4096> chunk{};
  while (true) {
    const ssize_t got = ::read(status_.get(), chunk.data(), chunk.size());
    if (got < 0 && errno == EINTR) continue;
    if (got == 0) status_.reset();  // the tunnel has ended or let go of the pipe
    if (got <= 0) break;
    pending_.append(chunk.data(), static_cast<std::size_t>(got));
    takeLines();
  }
}

void OwnTunnel::takeLines() {
  constexpr std::size_t kMaxLine = 4096;
  for (auto end = pending_.find('\n'); end != std::string::npos; end = pending_.find('\n')) {
    const auto status = TunnelStatus::decode(std::string_view(pending_).substr(0, end));
    pending_.erase(0, end + 1);
    if (!status) continue;
    log::debug("tunnel: {} {}", tunnel_control::stageName(status->stage), status->detail);
    if (status->stage == Stage::kListening) listening_ = true;
    if (status->stage == Stage::kConnected) peer_ = status->detail;
    if (status->stage == Stage::kSecured) secured_ = status->detail;
    if (status->stage == Stage::kFailed) failure_ = *status;
  }
  if (pending_.size() > kMaxLine) pending_.clear();
}

}  // namespace efs::mount_helper
