#include "log_channel.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "efs/base/ask_child.h"
#include "efs/base/environment.h"
#include "efs/base/log_file.h"
#include "efs/base/subprocess.h"

namespace efs::log {
namespace {

// What a process keeps while the log cannot be written: a thousand tunnels do this at once.
constexpr std::size_t kMaxBytes = 65536;
constexpr std::size_t kMaxLines = 512;
// So few that their acks always fit into our socket's buffer.
constexpr std::size_t kMaxInFlight = 128;

constexpr Duration kSoon{10};
constexpr Duration kAckPause{100};
constexpr Duration kLongestPause{2000};
constexpr Duration kStartPause{5000};
// A program that finds its writer gone leaves it to the watchdog to start the next one; if there is
// no watchdog, a thousand tunnels shall not do it in the same moment.
constexpr int kStartSpread = 3000;
constexpr Duration kChildPatience{500};
constexpr Duration kConnectPause{2};
// Between two looks whether a writer that we have started has ended.
constexpr Duration kReapPause{100};
constexpr Duration kLongReapPause{10000};
constexpr Duration kLoserPatience{1000};
// Between two looks whether the writer has ended.
constexpr Duration kKeepPause{5000};

MonoTime monotonic() { return SystemClock().monotonic(); }

// The network namespace of the mount is not the writer's to keep alive. -1 where it is the host's,
// or cannot be left.
UniqueFd hostNetwork() {
  struct stat ours {};
  struct stat host {};
  UniqueFd fd(::open("/proc/1/ns/net", O_RDONLY | O_CLOEXEC));
  if (!fd.valid() || ::fstat(fd.get(), &host) != 0 || ::stat("/proc/self/ns/net", &ours) != 0)
    return {};
  return ours.st_ino == host.st_ino ? UniqueFd() : std::move(fd);
}

std::string datagram(const LogPlace& place, std::string_view line) {
  return LineMessage{place, std::string(line)}.encode();
}

}  // namespace

LogChannel::LogChannel(LogPlace place, std::string state_dir, std::string program)
    : place_(std::move(place)),
      state_dir_(std::move(state_dir)),
      program_(std::move(program)),
      owner_(::getpid()),
      pause_(kSoon) {
  work(monotonic());
}

void LogChannel::awaitWriter(Duration patience) {
  const SystemClock clock;
  const Deadline deadline(clock, patience);
  while (!socket_.valid() && !deadline.passed()) {
    (void)::poll(nullptr, 0, static_cast<int>(kConnectPause.count()));
    next_connect_ = {};
    work(clock.monotonic());
  }
}

void LogChannel::push(std::string_view line) {
  checkOwner();
  tellLoss();
  if (lost_ != 0 || isFull()) {
    ++lost_;
  } else {
    add(line);
  }
  work(monotonic());
}

void LogChannel::add(std::string_view line) {
  ring_.push_back(datagram(place_, line));
  bytes_ += ring_.back().size();
  next_pump_ = {};
}

bool LogChannel::isFull() const { return ring_.size() >= kMaxLines || bytes_ >= kMaxBytes; }

// Only once there is room for more than the next few lines: else each of them would come with a
// number of its own.
void LogChannel::tellLoss() {
  if (lost_ == 0 || ring_.size() > kMaxLines / 2 || bytes_ > kMaxBytes / 2) return;
  add(formatLine(place_.form, Level::kWarning, lossMessage(std::exchange(lost_, 0)),
                 SystemClock().now()));
}

std::optional<Duration> LogChannel::pump() {
  if (ring_.empty() && lost_ == 0) return pumpIdle();
  checkOwner();
  reapWriter();
  const MonoTime now = monotonic();
  if (now >= next_pump_) {
    work(now);
    tellLoss();
    if (ring_.empty()) return std::nullopt;
    const bool all_sent = in_flight_ == ring_.size();
    const Duration at_least = all_sent ? kAckPause : kSoon;
    pause_ = progress_ ? at_least : std::clamp(pause_ * 2, at_least, kLongestPause);
    next_pump_ = now + pause_;
  }
  return std::chrono::ceil<Duration>(next_pump_ - now);
}

std::optional<Duration> LogChannel::pumpIdle() {
  // No wake-up of its own: the watchdog's loop turns often enough.
  if (start_ == Start::kAlways && monotonic() >= next_keep_) {
    next_keep_ = monotonic() + kKeepPause;
    checkOwner();
    work(monotonic());
  }
  if (!writerIsOurs()) return std::nullopt;
  const MonoTime now = monotonic();
  if (now >= next_reap_) {
    checkOwner();
    reapWriter();
    if (!writerIsOurs()) return std::nullopt;
    next_reap_ = now + (writer_ == peer_ ? kLongReapPause : kReapPause);
  }
  return std::chrono::ceil<Duration>(next_reap_ - now);
}

void LogChannel::checkOwner() {
  if (owner_ != ::getpid()) leaveParent();
}

void LogChannel::work(MonoTime now) {
  progress_ = false;
  reapWriter();
  if (socket_.valid()) receiveAcks();
  if (!socket_.valid() && now >= next_connect_) connect(now);
  if (socket_.valid()) sendWaiting();
}

void LogChannel::leaveParent() {
  owner_ = ::getpid();
  socket_.reset();
  ring_.clear();
  bytes_ = in_flight_ = lost_ = 0;
  handled_ = 0;
  writer_ = peer_ = 0;
  ever_connected_ = false;
  next_pump_ = next_connect_ = next_start_ = next_reap_ = {};
}

void LogChannel::connect(MonoTime now) {
  next_connect_ = now + kSoon;
  UniqueFd fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = writerSocket(state_dir_);
  if (!fd.valid() || path.size() >= sizeof address.sun_path) return;
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    if (errno == ENOENT || errno == ECONNREFUSED) startWriter(now);
    return;
  }
  const auto peer = trustedPeer(fd.get());
  if (!peer) return;
  socket_ = std::move(fd);
  peer_ = *peer;
  next_reap_ = {};
  acked_ = false;
  handled_ = 0;
  in_flight_ = 0;
  ever_connected_ = true;
  progress_ = true;
}

void LogChannel::startWriter(MonoTime now) {
  if (std::exchange(ever_connected_, false) && place_.form == Form::kTunnel) {
    next_start_ = now + kLongestPause + Duration(owner_ % kStartSpread);
  }
  // One that we have started and that is still on its way will listen, or end.
  if (now < next_start_ || writerIsOurs() || start_ == Start::kNever) return;
  next_start_ = now + kStartPause;
  SpawnOptions options;
  options.argv = {program_, state_dir_};
  options.new_session = true;
  options.without_env = {"*"};
  if (const auto zone = environmentVariable("TZ")) options.env["TZ"] = *zone;
  // It writes for everybody who shares the state directory, not only for those who see the mounts
  // of the service or container that happens to start it; and must not keep those alive.
  options.init_mounts_if_same = {state_dir_};
  const UniqueFd network = hostNetwork();
  options.network_namespace = network.get();
  // Not told: whoever logs a failure of the log only makes more of it.
  writer_ = Subprocess::spawnUnwaited(options).value_or(0);
  next_reap_ = {};
}

void LogChannel::reapWriter() {
  if (writerIsOurs() && reap(writer_)) writer_ = 0;
}

// Programs that start at once start a writer each; all but one end soon. Nobody else would reap
// ours where process 1 does not. One that got no further than this until now helps nobody any more.
void LogChannel::settleWriter(Duration patience) {
  if (start_ == Start::kNever) return reapWriter();
  const SystemClock clock;
  const Deadline deadline(clock, patience);
  for (reapWriter(); writerIsOurs() && writer_ != peer_; reapWriter()) {
    if (deadline.passed() && ::kill(writer_, SIGKILL) == 0) break;
    (void)::poll(nullptr, 0, static_cast<int>(kConnectPause.count()));
  }
  const Deadline end(clock, kReapPause);
  for (; writerIsOurs() && writer_ != peer_ && !end.passed(); reapWriter())
    (void)::poll(nullptr, 0, static_cast<int>(kConnectPause.count()));
}

// A writer of another version that does not understand us hangs up on each line.
void LogChannel::disconnect() {
  if (!acked_) next_connect_ = monotonic() + kLongestPause;
  socket_.reset();
  in_flight_ = 0;
  peer_ = 0;
  next_reap_ = {};
}

void LogChannel::receiveAcks() {
  std::array<char, 4096> buffer{};
  while (true) {
    const ssize_t got = ::recv(socket_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    // ECONNRESET: the writer ended without reading our last lines. Its acks are still there.
    if (got < 0 && (errno == EINTR || errno == ECONNRESET)) continue;
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0 || !takeAck({buffer.data(), static_cast<std::size_t>(got)})) return disconnect();
  }
}

bool LogChannel::takeAck(std::string_view bytes) {
  auto ack = LineAck::decode(bytes);
  if (!ack || ack->handled < handled_ || ack->handled - handled_ > in_flight_) return false;
  for (; handled_ < ack->handled; ++handled_, --in_flight_) {
    bytes_ -= ring_.front().size();
    ring_.pop_front();
  }
  failure_ = std::move(ack->failure);
  progress_ = acked_ = true;
  return true;
}

void LogChannel::sendWaiting() {
  while (in_flight_ < std::min(ring_.size(), kMaxInFlight)) {
    const std::string& line = ring_[in_flight_];
    const ssize_t sent =
        ::send(socket_.get(), line.data(), line.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && (errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM)) return;
    if (sent < 0) return disconnect();
    ++in_flight_;
    progress_ = true;
  }
}

Status LogChannel::finish(Duration patience) {
  checkOwner();
  tellLoss();
  waitForWriter(patience);
  if (!ring_.empty() && !socket_.valid() && start_ != Start::kNever) writeInChild();
  settleWriter(socket_.valid() ? std::min(patience, kLoserPatience) : Duration(0));
  if (!failure_.empty()) return Error(ErrorKind::kIo, failure_);
  return {};
}

// A signal does not end this: it is short, and what is told here is why the program ends.
void LogChannel::waitForWriter(Duration patience) {
  const SystemClock clock;
  const Deadline deadline(clock, patience);
  while (!ring_.empty()) {
    next_connect_ = {};
    work(clock.monotonic());
    tellLoss();
    if (ring_.empty() || deadline.passed()) return;
    const bool unsent = in_flight_ < std::min(ring_.size(), kMaxInFlight);
    pollfd entry{socket_.get(), static_cast<short>(unsent ? POLLIN | POLLOUT : POLLIN), 0};
    const Duration wait =
        socket_.valid() ? deadline.left() : std::min(kConnectPause, deadline.left());
    (void)::poll(&entry, 1, static_cast<int>(wait.count()));
  }
}

void LogChannel::writeInChild() {
  // It may be stuck for long, and then holds nothing of ours.
  const ChildRules alone{.ends_with_parent = false, .keeps_output = false};
  const auto lines = ring_;  // the child's log lets the parent's lines go
  auto write = [&](int /*out*/) {
    (void)!::chdir("/");
    for (const auto& bytes : lines) {
      const auto message = LineMessage::decode(bytes);
      if (!message) continue;
      LogFile file(message->place, rotationLock(state_dir_));
      if (!file.append(message->line)) return 1;
    }
    return 0;
  };
  auto child = ChildWork::start(write, alone);
  ring_.clear();
  bytes_ = in_flight_ = 0;
  if (!child) return;
  const int pidfd = child->pidFd();
  pollfd entry{pidfd, POLLIN, 0};
  (void)::poll(&entry, 1, static_cast<int>(kChildPatience.count()));
  (void)child->wait(Duration(0));
}

}  // namespace efs::log
