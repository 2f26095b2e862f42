#include "efs/log_writer/log_writer.h"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>

#include "efs/base/files.h"
#include "efs/base/text.h"
#include "efs/base/version.h"
#include "efs/procfs/processes.h"

namespace efs::log_writer {
namespace {

constexpr const char* kName = "efs-log-writer";
// Long enough for the next mount of a series.
constexpr Duration kIdle{5000};
constexpr Duration kRest{200};
constexpr int kBacklog = 4096;
// Where our end would leave a zombie: the next look whether it still would.
constexpr Duration kLongIdle{60000};
// Of one program's lines before the others have their turn.
constexpr int kTurn = 16;

// A line is lost when its file cannot be opened; a client waits until there is room for it. So
// clients never take the descriptors of files.
constexpr std::size_t kMaxFiles = 32;
constexpr std::size_t kReserve = 2 * kMaxFiles + 16;

// One per tunnel, and two per log file that is being written.
void raiseDescriptorLimit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  (void)::setrlimit(RLIMIT_NOFILE, &limit);
}

// `ulimit -f` of whoever mounted first is no limit of the host's logs. Where it cannot be lifted, a
// line is lost and told, and no signal ends us.
void liftFileSizeLimit() {
  rlimit limit{RLIM_INFINITY, RLIM_INFINITY};
  if (::setrlimit(RLIMIT_FSIZE, &limit) != 0 && ::getrlimit(RLIMIT_FSIZE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    (void)::setrlimit(RLIMIT_FSIZE, &limit);
  }
  (void)::signal(SIGXFSZ, SIG_IGN);
}

std::size_t mostClients() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur <= kReserve) return 1;
  return static_cast<std::size_t>(limit.rlim_cur) - kReserve;
}

bool ignoresChildren(pid_t process) {
  // A mask in hexadecimal, signal 1 the lowest bit.
  const std::string text = procfs::statusField(process, "SigIgn").value_or("0");
  const auto mask = std::strtoull(text.c_str(), nullptr, 16);
  return (mask >> static_cast<unsigned>(SIGCHLD - 1) & 1U) != 0;
}

// Who started us does, an init and any other process that asked for orphans as well. A container's
// process 1 gets them unasked: the EFS CSI driver reaps tunnels and nothing else.
bool parentReaps() {
  constexpr ino_t kFirstPidNamespace = 0xEFFFFFFC;  // linux/proc_ns.h
  const pid_t parent = ::getppid();
  if (parent != 1) return true;
  struct stat info {};
  if (::stat("/proc/self/ns/pid", &info) == 0 && info.st_ino == kFirstPidNamespace) return true;
  return ignoresChildren(parent);
}

std::string usage() {
  return std::string("usage: ") + kName +
         " [-h] [--version] STATE-DIRECTORY\n"
         "\n"
         "Writes the log files of mount.efs, efs-proxy and amazon-efs-mount-watchdog for them, so\n"
         "that a log on a hung disk holds up none of them. They start it when they need it; it "
         "ends\n"
         "when nobody has needed it for a while. Never to be started by hand.\n";
}

}  // namespace

LogWriter::LogWriter(std::string state_dir, const Clock& clock, FileLock lock, UniqueFd epoll)
    : state_dir_(std::move(state_dir)),
      clock_(&clock),
      lock_(std::move(lock)),
      epoll_(std::move(epoll)),
      max_clients_(mostClients()) {}

Result<LogWriter> LogWriter::create(const std::string& state_dir, const Clock& clock) {
  EFS_TRY(lock, FileLock::tryAcquire(log::writerLock(state_dir)));
  UniqueFd epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll.valid()) return Error::fromErrno(errno, "creating the event loop");
  LogWriter writer(state_dir, clock, std::move(lock), std::move(epoll));
  EFS_CHECK(writer.listen());
  return writer;
}

Status LogWriter::listen() {
  const std::string path = log::writerSocket(state_dir_);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    return Error(ErrorKind::kInvalidInput, "socket path " + path + " is too long");
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  UniqueFd fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid()) return Error::fromErrno(errno, "creating a socket");
  EFS_CHECK(removeFile(path));  // a dead writer's: the lock is ours
  const mode_t before = ::umask(0177);
  const int bound = ::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address);
  const int err = errno;
  ::umask(before);
  if (bound != 0) return Error::fromErrno(err, "binding " + path);
  if (::listen(fd.get(), kBacklog) != 0) return Error::fromErrno(errno, "listening on " + path);
  listener_ = std::move(fd);
  deaf_ = false;
  struct stat info {};
  socket_inode_ = ::lstat(path.c_str(), &info) == 0 ? info.st_ino : 0;
  return watch(listener_.get());
}

Status LogWriter::watch(int fd) const {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = fd;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0) return {};
  return Error::fromErrno(errno, "watching a descriptor");
}

Status LogWriter::run(Duration patience) {
  MonoTime leave = clock_->monotonic() + patience;
  while (true) {
    EFS_TRY(events, turn(wait(leave)));
    if (events == 0) rest();
    if (!clients_.empty()) leave = clock_->monotonic() + patience;
    // Being stopped for long is no idleness: only a look that found nothing counts.
    if (events != 0 || !clients_.empty() || clock_->monotonic() < leave) continue;
    if (!parentReaps()) {
      leave = clock_->monotonic() + std::max(patience, kLongIdle);
      continue;
    }
    if (socketIsOurs()) EFS_CHECK(removeFile(log::writerSocket(state_dir_)));
    // Whoever came in between, and may be gone again, is served.
    EFS_TRY(late, turn(Duration(0)));
    if (late == 0) return {};
    if (!socketIsThere()) EFS_CHECK(listen());
  }
}

// How many descriptors had something; 0 when the time passed.
Result<int> LogWriter::turn(Duration patience) {
  std::array<epoll_event, 64> events{};
  const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()),
                                 static_cast<int>(patience.count()));
  if (count < 0 && errno != EINTR) return Error::fromErrno(errno, "waiting for lines");
  if (count < 0) return 1;
  for (int i = 0; i < count; ++i) {
    const int fd = events.at(static_cast<std::size_t>(i)).data.fd;
    if (fd == listener_.get()) {
      acceptClients();
    } else {
      serve(fd);
    }
  }
  return count;
}

// For ever (-1) only while somebody is connected and no file is open.
Duration LogWriter::wait(MonoTime leave) const {
  if (busy_) return kRest;
  if (!clients_.empty()) return Duration(-1);
  return std::max(Duration(0), std::chrono::ceil<Duration>(leave - clock_->monotonic()));
}

// Nothing to do: an open file would keep its file system from being unmounted.
void LogWriter::rest() {
  busy_ = false;
  closeFiles();
  acceptAgain();
  // Whoever cleans up the state directory would leave us deaf.
  if (!socketIsThere()) (void)listen();
}

void LogWriter::closeFiles() {
  for (auto entry = files_.begin(); entry != files_.end();) {
    entry->second.release();
    entry = entry->second.lost() == 0 ? files_.erase(entry) : std::next(entry);
  }
}

bool LogWriter::socketIsThere() const {
  struct stat info {};
  return ::lstat(log::writerSocket(state_dir_).c_str(), &info) == 0 && S_ISSOCK(info.st_mode);
}

// Once somebody had wiped the state directory, another writer may be there.
bool LogWriter::socketIsOurs() const {
  struct stat info {};
  return ::lstat(log::writerSocket(state_dir_).c_str(), &info) == 0 && S_ISSOCK(info.st_mode) &&
         info.st_ino == socket_inode_;
}

void LogWriter::acceptClients() {
  while (true) {
    UniqueFd fd;
    errno = EMFILE;
    if (clients_.size() < max_clients_)
      fd.reset(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!fd.valid() && errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
      // It stays readable: looking at it would be all that we do.
      (void)::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, listener_.get(), nullptr);
      deaf_ = busy_ = true;
    }
    if (!fd.valid()) return;
    if (!log::trustedPeer(fd.get()) || !watch(fd.get())) continue;
    const int number = fd.get();
    clients_[number].socket = std::move(fd);
  }
}

void LogWriter::acceptAgain() {
  if (deaf_ && watch(listener_.get())) deaf_ = false;
}

void LogWriter::serve(int fd) {
  const auto client = clients_.find(fd);
  if (client == clients_.end()) return;
  for (int count = 0; count < kTurn; ++count) {
    if (receiveLine(client->second)) continue;
    if (errno == EAGAIN) return;
    clients_.erase(client);
    return acceptAgain();
  }
}

// False with EAGAIN when nothing is there; with another error the client has to go.
bool LogWriter::receiveLine(Client& client) {
  std::array<char, log::kMaxLogDatagram> buffer;  // not set to zero for each line
  ssize_t got = 0;
  do {
    got = ::recv(client.socket.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    // ECONNRESET: ended without reading our last acks. Its lines are still there.
  } while (got < 0 && (errno == EINTR || errno == ECONNRESET));
  if (got < 0) return false;
  errno = EPROTO;
  if (got == 0) return false;
  const auto message = log::LineMessage::decode({buffer.data(), static_cast<std::size_t>(got)});
  if (!message) return false;
  const std::string ack = log::LineAck{++client.handled, writeLine(*message)}.encode();
  const ssize_t sent =
      ::send(client.socket.get(), ack.data(), ack.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  // A client that has ended does not wait for it, but its lines are still to be read.
  (void)sent;
  return true;
}

std::string LogWriter::writeLine(const log::LineMessage& message) {
  busy_ = true;
  if (files_.size() >= kMaxFiles && files_.count(message.place.path) == 0) closeFiles();
  const auto file =
      files_.try_emplace(message.place.path, message.place, log::rotationLock(state_dir_)).first;
  file->second.configure(message.place.max_bytes, message.place.file_count);
  const auto written = file->second.append(message.line);
  return written ? std::string() : printable(written.error().describe(), 1000);
}

int runLogWriter(const std::vector<std::string>& arguments) {
  const bool asked = arguments.size() == 2 && (arguments[1] == "-h" || arguments[1] == "--help");
  const bool version = arguments.size() == 2 && arguments[1] == "--version";
  const bool wrong = arguments.size() != 2 || arguments[1].empty() || arguments[1].front() == '-';
  if (asked || (wrong && !version)) {
    std::fputs(usage().c_str(), asked ? stdout : stderr);
    return asked ? 0 : 2;
  }
  if (version) {
    std::fputs(versionLine(kName).c_str(), stdout);
    return 0;
  }
  ::umask(022);
  raiseDescriptorLimit();
  liftFileSizeLimit();
  const SystemClock clock;
  auto writer = LogWriter::create(arguments[1], clock);
  if (!writer && writer.error().kind() == ErrorKind::kBusy) return 0;
  const Status ended = writer ? writer->run(kIdle) : Status(unexpected(std::move(writer).error()));
  if (ended) return 0;
  std::fprintf(stderr, "%s: %s\n", kName, ended.error().describe().c_str());
  return 1;
}

}  // namespace efs::log_writer
