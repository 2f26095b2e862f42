// SmallWorld: a host in memory, just large enough for one watchdog: files, a mount table, processes
// with ports, children that answer in the next turn. Nothing happens by itself but time; a test
// does what administrators, mount.efs and servers do.
#pragma once

#include <fmt/core.h>
#include <signal.h>

#include <algorithm>
#include <cerrno>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "daemon/job_bodies.h"
#include "efs/state/state_store.h"
#include "efs/test_support/fake_clock.h"
#include "tools/remount_calls.h"
#include "tools/tools.h"

namespace efs::watchdog::small {

class MemoryLog final : public Log {
 public:
  bool enabled(log::Level /*level*/) const override { return true; }
  void write(log::Level /*level*/, std::string_view line) override { lines.emplace_back(line); }
  std::size_t count(const std::string& part) const {
    return static_cast<std::size_t>(std::count_if(
        lines.begin(), lines.end(),
        [&part](const std::string& line) { return line.find(part) != std::string::npos; }));
  }
  std::vector<std::string> lines;
};

class EvenChance final : public Chance {
 public:
  double next() override { return 0.5; }
};

// Directories need not be made.
class MemoryFiles final : public state::StateFiles {
 public:
  state::FileStamp stamp(const std::string& path) override {
    const auto file = files_.find(path);
    if (file == files_.end()) return isDirectory(path) ? directoryStamp() : state::FileStamp();
    return {1,
            file->second.inode,
            static_cast<off_t>(file->second.content.size()),
            {},
            file->second.mode};
  }
  bool isRegular(const std::string& path) override { return files_.count(path) != 0; }
  Result<std::vector<std::string>> list(const std::string& directory) override {
    std::set<std::string> names;
    const std::string inside = directory + "/";
    for (const auto& [path, file] : files_) {
      if (path.rfind(inside, 0) != 0) continue;
      names.insert(path.substr(inside.size(), path.find('/', inside.size()) - inside.size()));
    }
    return std::vector<std::string>(names.begin(), names.end());
  }
  Result<std::string> read(const std::string& path, std::size_t /*limit*/) override {
    const auto file = files_.find(path);
    if (file == files_.end()) return Error(ErrorKind::kNotFound, path + " is missing");
    return file->second.content;
  }
  std::string realPath(const std::string& path) override { return path; }
  std::optional<bool> locked(const std::string& path) override {
    return isRegular(path) ? std::optional<bool>(false) : std::nullopt;
  }
  Status makeDirectories(const std::string& /*path*/, mode_t /*mode*/) override { return {}; }
  Status write(const std::string& path, std::string_view content, mode_t mode) override {
    if (full) return Error::fromErrno(ENOSPC, "writing " + path);
    files_[path] = {std::string(content), mode, ++last_inode_};
    return {};
  }
  Status rename(const std::string& from, const std::string& to) override {
    auto file = files_.extract(from);
    if (!file) return Error(ErrorKind::kNotFound, from + " is missing");
    files_[to] = std::move(file.mapped());
    return {};
  }
  Status remove(const std::string& path) override {
    files_.erase(path);
    return {};
  }
  Status removeTree(const std::string& path) override {
    std::erase_if(files_, [&path](const auto& entry) {
      return entry.first == path || entry.first.rfind(path + "/", 0) == 0;
    });
    return {};
  }
  Status removeEmpty(const std::string& /*path*/) override { return {}; }

  std::vector<std::string> paths() const {
    std::vector<std::string> all;
    for (const auto& [path, file] : files_) all.push_back(path);
    return all;
  }
  bool full = false;

 private:
  struct File {
    std::string content;
    mode_t mode = 0;
    ino_t inode = 0;
  };
  bool isDirectory(const std::string& path) const {
    const auto inside = files_.lower_bound(path + "/");
    return inside != files_.end() && inside->first.rfind(path + "/", 0) == 0;
  }
  static state::FileStamp directoryStamp() { return {1, 1, 0, {}, 0700}; }
  std::map<std::string, File> files_;
  ino_t last_inode_ = 1;
};

class TableKernel final : public Kernel {
 public:
  Result<mounts::MountTable> mountTable() override {
    ++reads;
    if (unreadable) return Error::fromErrno(EMFILE, "opening mountinfo");
    auto entries = mounted;
    entries.insert(entries.begin(), {.id = 1,
                                     .device = 1,
                                     .root = "/",
                                     .source = "/dev/sda1",
                                     .target = "/",
                                     .fs_type = "ext4",
                                     .options = "rw"});
    return mounts::MountTable::of(std::move(entries));
  }
  mounts::MountIdentity identityOf(const mounts::MountEntry& entry) override {
    return {entry.target, entry.id, entry.device, entry.tunnelPort(), std::nullopt};
  }
  bool stillAttached(const mounts::MountIdentity& /*mount*/) override { return true; }
  Result<bool> clientHoldsPort(int port, const std::string& /*network*/) override {
    return clients.count(port) != 0;
  }
  Result<procfs::SocketTable> sockets(const std::string& /*network*/) override {
    return procfs::SocketTable::parse("");
  }
  Result<std::set<int>> unreadPorts() override { return std::set<int>(); }
  Result<std::string> rpcCounters() override { return std::string(); }
  Result<MountStats> mountStats() override { return MountStats::parse(""); }
  Result<LockTable> locks() override { return LockTable::parse(""); }
  Result<bool> keepReadAhead(dev_t /*device*/, unsigned long /*rsize*/) override { return false; }

  Result<bool> clientHasDevice(dev_t device, const std::string& network) override {
    if (!network.empty()) return Error(ErrorKind::kNotFound, "no such process");
    return elsewhere.count(device) == 0;
  }

  std::vector<mounts::MountEntry> mounted;
  std::set<dev_t> elsewhere;  // whose NFS client is in another network
  std::set<int> clients;      // ports that the NFS client holds
  bool unreadable = false;
  int reads = 0;  // of the mount table
};

// One open descriptor of a listening socket.
class PortHandle final : public Listener {
 public:
  PortHandle(std::map<int, int>& open, int port) : open_(open), port_(port) { ++open_[port_]; }
  PortHandle(const PortHandle&) = delete;
  PortHandle& operator=(const PortHandle&) = delete;
  ~PortHandle() override {
    if (--open_[port_] == 0) open_.erase(port_);
  }
  bool listensOn(int port) const override { return port == port_; }
  const UniqueFd& descriptor() const override { return none_; }
  int port() const { return port_; }
  std::map<int, int>& open() const { return open_; }

 private:
  std::map<int, int>& open_;
  int port_;
  UniqueFd none_;
};

struct Process {
  pid_t pid = 0;
  int port = 0;
  bool alive = true;
  bool ours = false;  // a child of the watchdog
  int last_signal = 0;
  std::vector<std::string> command;
  std::string network;
  ListenerPtr listener;
  std::function<void()> done;
};

class ProcessHandle final : public Tunnel {
 public:
  ProcessHandle(std::shared_ptr<Process> process, std::function<void(Process&, int)> signal)
      : process_(std::move(process)), signal_(std::move(signal)) {}
  ProcessHandle(const ProcessHandle&) = delete;
  ProcessHandle& operator=(const ProcessHandle&) = delete;
  ~ProcessHandle() override { process_->done = nullptr; }
  pid_t pid() const override { return process_->pid; }
  bool ended() const override { return !process_->alive; }
  Status whenEnded(std::function<void()> done) override {
    process_->done = std::move(done);
    return {};
  }
  std::optional<ExitStatus> reap() override {
    if (!process_->ours) return std::nullopt;
    return ExitStatus{128 + process_->last_signal, process_->last_signal};
  }
  Status signal(int signo) override {
    signal_(*process_, signo);
    return {};
  }

 private:
  std::shared_ptr<Process> process_;
  std::function<void(Process&, int)> signal_;
};

// The counters of a tunnel, as a test sets them.
class Page final : public TunnelPage {
 public:
  explicit Page(const tunnel_control::TunnelCounters& counters) : counters_(counters) {}
  Result<tunnel_control::TunnelCounters> read() const override { return counters_; }

 private:
  const tunnel_control::TunnelCounters& counters_;
};

// Processes and ports of the host. All tunnels here end at once when they get a signal that ends
// them.
class Host final : public Processes, public Ports, public ListenerStore {
 public:
  Host() = default;
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  // As mount.efs starts one.
  std::shared_ptr<Process> spawn(int port, const std::string& network = {}) {
    auto process = std::make_shared<Process>();
    process->pid = ++last_pid_;
    process->port = port;
    process->network = network;
    process->listener = std::make_unique<PortHandle>(portsOf(network), port);
    all.push_back(process);
    return process;
  }
  void end(Process& process, int signo) {
    process.alive = false;
    process.last_signal = signo;
    process.listener.reset();
  }
  // Tells whoever wants to know of those that have ended.
  void reportEnds() {
    for (const auto& process : std::vector(all)) {
      if (process->alive || !process->done) continue;
      const auto done = std::exchange(process->done, nullptr);
      done();
    }
  }
  std::size_t alive(int port) const {
    return static_cast<std::size_t>(std::count_if(
        all.begin(), all.end(), [port](const auto& p) { return p->alive && p->port == port; }));
  }
  TunnelPtr handle(const std::shared_ptr<Process>& process) {
    return std::make_unique<ProcessHandle>(process, [this](Process& one, int signo) {
      if (signo == SIGTERM || signo == SIGKILL) end(one, signo);
    });
  }

  std::unique_ptr<TunnelSearch> search() override { return std::make_unique<Search>(*this); }
  Result<std::map<int, pid_t>> tunnelsByPort() override {
    std::map<int, pid_t> found;
    for (const auto& process : all) {
      if (process->alive) found.emplace(process->port, process->pid);
    }
    return found;
  }
  Result<TunnelPtr> start(const StartRequest& request) override {
    if (starts_nothing) return Error::fromErrno(EAGAIN, "fork");
    const auto* port = dynamic_cast<const PortHandle*>(request.listener);
    if (port == nullptr) return Error(ErrorKind::kInvalidInput, "no listener");
    const auto process = spawn(port->port(), request.network);
    process->ours = true;
    process->command = request.command;
    return handle(process);
  }
  void letGo(TunnelPtr tunnel) override { tunnel.reset(); }
  bool isProgram(const std::string& path) override { return path == "/usr/bin/efs-proxy"; }
  Result<std::string> findTunnelProgram() override { return std::string("/usr/bin/efs-proxy"); }
  Result<TunnelPagePtr> openPage(const std::string& path) override {
    if (page) return TunnelPagePtr(std::make_unique<Page>(*page));
    return Error(ErrorKind::kNotFound, path + " is missing");
  }

  Result<ListenerPtr> listen(int port, const std::string& network) override {
    if (gone.count(network) != 0) return Error::fromErrno(ENOENT, "network namespace " + network);
    auto& ports = portsOf(network);
    if (ports.count(port) != 0) return Error(ErrorKind::kBusy, "the port is taken");
    return ListenerPtr(std::make_unique<PortHandle>(ports, port));
  }
  Result<BoundListener> listenInRange(int lower, int upper,
                                      const std::function<bool(int)>& reserved) override {
    for (int port = lower; port < upper; ++port) {
      if (open_ports.count(port) != 0 || reserved(port)) continue;
      return BoundListener{std::make_unique<PortHandle>(open_ports, port), port};
    }
    return Error(ErrorKind::kBusy, "no port is free");
  }

  // systemd's: survives the watchdog.
  void storeListener(const std::string& mount_name, const Listener& listener) override {
    const auto& port = dynamic_cast<const PortHandle&>(listener);
    stored[mount_name] = std::make_unique<PortHandle>(port.open(), port.port());
  }
  void dropListener(const std::string& mount_name) override { stored.erase(mount_name); }

  std::optional<tunnel_control::TunnelCounters> page;  // of all tunnels
  std::map<int, int> open_ports;                       // port -> open descriptors
  std::map<std::string, std::map<int, int>> networks;  // the same in others
  std::set<std::string> gone;                          // paths of networks
  std::vector<std::shared_ptr<Process>> all;
  std::map<std::string, ListenerPtr> stored;
  std::set<pid_t> forbidden;  // may not be looked at
  std::set<int> unaccepted;   // ports with connections that wait for somebody
  bool starts_nothing = false;
  int searches = 0;  // through all processes

 private:
  class Search final : public TunnelSearch {
   public:
    explicit Search(Host& host) : host_(host) {}
    Result<HeldTunnel> find(pid_t pid, int port) override {
      if (host_.forbidden.count(pid) != 0) return Error::fromErrno(EACCES, "looking at a process");
      for (const auto& process : host_.all) {
        if (process->pid != pid || process->port != port || !process->alive) continue;
        return HeldTunnel{host_.handle(process),
                          std::make_unique<PortHandle>(host_.open_ports, port)};
      }
      return Error(ErrorKind::kNotFound, "not a tunnel of this port");
    }
    Result<std::optional<pid_t>> byPort(int port) override {
      ++host_.searches;
      const auto found = host_.tunnelsByPort();
      const auto tunnel = found->find(port);
      return tunnel == found->end() ? std::optional<pid_t>() : std::optional<pid_t>(tunnel->second);
    }
    Result<const procfs::SocketTable*> sockets() override { return &sockets_; }

   private:
    static procfs::SocketTable listenersOf(const Host& host) {
      std::string text = "  sl  local_address rem_address   st\n";
      for (const auto& [port, count] : host.open_ports) {
        const int waiting = host.unaccepted.count(port) != 0 ? 1 : 0;
        text += fmt::format("0: 0100007F:{:04X} 00000000:0000 0A 0:{} 0:0 0 0 0 {} 1\n", port,
                            waiting, port);
      }
      return procfs::SocketTable::parse(text);
    }
    Host& host_;
    procfs::SocketTable sockets_ = listenersOf(host_);
  };
  std::map<int, int>& portsOf(const std::string& network) {
    return network.empty() ? open_ports : networks[network];
  }
  pid_t last_pid_ = 100;
};

// Children that are done in the next turn. Only those that work on files alone do anything; all
// roots answer.
class Children final : public Jobs {
 public:
  explicit Children(state::StateFiles& files) : files_(files) {}

  Result<JobId> start(JobRequest request, JobDone done) override {
    if (none) return Error::fromErrno(EAGAIN, "fork");
    if (std::holds_alternative<AskRoot>(request)) ++roots_asked;
    if (std::holds_alternative<ClearStaging>(request)) ++stagings_cleared;
    if (const auto* plan = std::get_if<RemountPlan>(&request)) remounts.push_back(*plan);
    waiting_.push_back({++last_id_, std::move(request), std::move(done)});
    most_at_once = std::max(most_at_once, waiting_.size());
    return last_id_;
  }
  void abandon(JobId id) override {
    std::erase_if(waiting_, [id](const auto& job) { return job.id == id; });
  }
  std::vector<RemountPlan> remounts;  // asked for
  void turn() {
    for (auto now = std::exchange(waiting_, {}); !now.empty(); now.pop_front()) {
      const auto& job = now.front();
      job.done(answer(job.request));
    }
  }

  bool none = false;  // can be had
  std::map<pid_t, std::string> command_lines;
  std::string network;  // where a client that is elsewhere lives; empty: nobody can tell
  int roots_asked = 0;
  int stagings_cleared = 0;
  std::size_t most_at_once = 0;

 private:
  struct Job {
    JobId id;
    JobRequest request;
    JobDone done;
  };
  Result<std::string> answer(const JobRequest& request) {
    if (const auto* question = std::get_if<AskCommandLine>(&request)) {
      const auto line = command_lines.find(question->pid);
      if (line != command_lines.end()) return line->second;
    }
    if (std::holds_alternative<AskRoot>(request)) return std::string();
    if (std::holds_alternative<FindNetwork>(request)) {
      if (!network.empty()) return network;
      return Error(ErrorKind::kNotFound, "nothing holds it");
    }
    const auto* removal = std::get_if<RemoveFiles>(&request);
    if (removal == nullptr) return Error(ErrorKind::kTimeout, "nobody answers in this world");
    const state::StateStore store(removal->directory, files_);
    EFS_CHECK(store.removeMount(removal->name, &removal->state));
    return std::string();
  }
  state::StateFiles& files_;
  std::deque<Job> waiting_;
  JobId last_id_ = 0;
};

class NoCertificates final : public Certificates {
 public:
  Result<WallTime> end(const std::string& /*pem*/, const std::string& path) override {
    return Error(ErrorKind::kInvalidInput, path + " is no certificate");
  }
  Result<crypto::CertificateFacts> facts(const std::string& /*pem*/,
                                         const std::string& path) override {
    return Error(ErrorKind::kInvalidInput, path + " is no certificate");
  }
};

class NoEvents final : public DirectoryEvents {
 public:
  void watchBelow(const std::string& /*directory*/) override {}
};

struct SmallWorld {
  test_support::FakeClock clock;
  EvenChance chance;
  MemoryLog log;
  MemoryFiles files;
  TableKernel kernel;
  Host host;
  Children children{files};
  NoCertificates certificates;
  NoEvents events;

  Tools tools() {
    return {.clock = clock,
            .chance = chance,
            .log = log,
            .files = files,
            .kernel = kernel,
            .processes = host,
            .ports = host,
            .listeners = host,
            .jobs = children,
            .certificates = certificates,
            .events = events};
  }
};

}  // namespace efs::watchdog::small
