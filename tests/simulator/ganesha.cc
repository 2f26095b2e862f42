#include "ganesha.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "efs/base/files.h"
#include "efs/base/remove_tree.h"
#include "efs/base/text.h"

namespace efs::simulator {
namespace {

constexpr const char* kProgram = "/usr/bin/ganesha.nfsd";

std::string keyOf(const FileSystem& fs, const std::string& access_point_id, const std::string& az) {
  return fs.id + (access_point_id.empty() ? "" : "." + access_point_id) +
         (fs.separate_state ? "." + az : "");
}

// A port that is free now. Ganesha cannot be told "any port"; where another program is faster it
// ends, and is started anew with another one.
Result<std::uint16_t> freePort() {
  EFS_TRY(fd, bindSocket({"127.0.0.1", 0}, SOCK_STREAM));
  sockaddr_in address{};
  socklen_t length = sizeof address;
  if (::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &length) != 0) {
    return Error::fromErrno(errno, "asking for a free port");
  }
  return ntohs(address.sin_port);
}

// Creates an access point's directory as AWS does at first use: owner and mode only where it is
// new.
Status createAccessPoint(const std::string& path, const AccessPoint& point) {
  if (fileExists(path)) return {};
  EFS_CHECK(makeDirectories(path, point.mode));
  if (::chmod(path.c_str(), point.mode) != 0 ||
      ::chown(path.c_str(), point.owner_uid, point.owner_gid) != 0) {
    return Error::fromErrno(errno, "giving " + path + " its owner and mode");
  }
  return {};
}

// Attributes are believed for three seconds, so that a directory that was deleted behind the
// server's back is stale soon.
std::string configText(const std::string& directory, std::uint16_t port, const std::string& path,
                       const AccessPoint* point, const std::string& minor_versions) {
  const std::string squash =
      point == nullptr ? "Squash = No_Root_Squash;"
                       : "Squash = All_Squash; Anonymous_Uid = " + std::to_string(point->uid) +
                             "; Anonymous_Gid = " + std::to_string(point->gid) + ";";
  return "NFS_CORE_PARAM { Protocols = 4; NFS_Port = " + std::to_string(port) +
         "; Bind_addr = 127.0.0.1; Enable_UDP = false; Enable_NLM = false; Enable_RQUOTA = false; "
         "}\n"
         "NFSv4 { Graceless = true; Minor_Versions = " +
         minor_versions +
         "; RecoveryBackend = fs; RecoveryRoot = "
         "\"" +
         directory +
         "/recovery\"; Only_Numeric_Owners = true; }\n"
         "NFS_KRB5 { Active_krb5 = false; }\n"
         "EXPORT_DEFAULTS { Access_Type = RW; SecType = sys; Protocols = 4; Transports = TCP; }\n"
         "EXPORT { Export_Id = 1; Path = \"" +
         path + "\"; Pseudo = \"/\"; Access_Type = RW; Attr_Expiration_Time = 3; " + squash +
         " FSAL { Name = VFS; } }\n"
         "LOG { Default_Log_Level = EVENT; }\n";
}

// Runs in the forked child; only async-signal-safe calls.
int runGanesha(const char* host_name, std::size_t host_name_length, char* const* argv,
               pid_t parent) {
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || ::getppid() != parent) return 126;
  if (::unshare(CLONE_NEWUTS) != 0 || ::sethostname(host_name, host_name_length) != 0) return 125;
  const int null = ::open("/dev/null", O_RDWR);
  for (int fd = 0; fd <= 2; ++fd) ::dup2(null, fd);
  // With a bus, libdbus ends the program together with that bus: at a shutdown before the clients
  // have unmounted.
  std::string path = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
  std::string no_bus = "DBUS_SYSTEM_BUS_ADDRESS=unix:path=/nonexistent";
  std::array<char*, 3> environment{path.data(), no_bus.data(), nullptr};
  ::execve(argv[0], argv, environment.data());
  return 127;
}

}  // namespace

// Two servers that start at once could both bind the same port: ganesha allows it until one of them
// listens, and the calls of one file system would reach the other's.
Result<std::uint16_t> GaneshaPool::portOfItsOwn() const {
  for (;;) {
    EFS_TRY(port, freePort());
    const bool taken = std::any_of(instances_.begin(), instances_.end(), [&](const auto& instance) {
      return instance.second.endpoint.port == port;
    });
    if (!taken) return port;
  }
}

Status GaneshaPool::launch(const Plan& plan) {
  EFS_CHECK(removeTree(plan.directory));
  EFS_CHECK(makeDirectories(plan.directory + "/recovery", 0700));
  EFS_TRY(port, portOfItsOwn());
  const std::string config = plan.directory + "/ganesha.conf";
  EFS_CHECK(writeFileAtomic(
      config, configText(plan.directory, port, plan.export_path, plan.point, plan.minor_versions)));
  std::array<std::string, 10> words{kProgram, "-F",          "-f", config,
                                    "-L",     plan.log_path, "-p", plan.directory + "/pid",
                                    "-E",     plan.epoch};
  std::array<char*, 11> argv{};
  for (std::size_t i = 0; i < words.size(); ++i) argv[i] = words[i].data();
  const pid_t self = ::getpid();
  EFS_TRY(process, Subprocess::fork([&] {
            return runGanesha(plan.host_name.c_str(), plan.host_name.size(), argv.data(), self);
          }));
  instances_.insert_or_assign(plan.key, Instance{plan, {"127.0.0.1", port}, std::move(process)});
  return {};
}

Status GaneshaPool::waitUntilReady(Instance& instance, const StopSignal& never) {
  constexpr int kStarts = 3;
  int starts = 1;
  // A guest without hardware virtualisation needs several seconds for ten instances.
  const SystemClock clock;
  const Deadline deadline(clock, Duration(60000));
  while (!deadline.passed()) {
    const bool answers = connectTo(instance.endpoint, never, Duration(1000)).has_value();
    EFS_TRY(ended, instance.process.wait(Duration(answers ? 0 : 20)));
    if (!ended && answers) return {};
    if (!ended) continue;
    const Plan plan = instance.plan;
    if (starts++ == kStarts) {
      return Error(ErrorKind::kInternal, "the NFS server of " + plan.key + " " + ended->describe() +
                                             " (see ganesha-" + plan.key + ".log)");
    }
    EFS_CHECK(launch(plan));  // replaces what `instance` refers to
  }
  return Error(ErrorKind::kTimeout, "the NFS server of " + instance.plan.key + " does not listen");
}

Status GaneshaPool::launchFor(const FileSystem& fs, const std::string& az, const World& world) {
  const Config& config = world.config();
  std::vector<const AccessPoint*> points{nullptr};
  if (!trunking_) {
    for (const auto& point : fs.access_points) points.push_back(&point);
  }
  for (const AccessPoint* point : points) {
    Plan plan;
    plan.key = keyOf(fs, point != nullptr ? point->id : "", az);
    plan.directory = config.work_dir + "/ganesha/" + plan.key;
    plan.log_path = config.work_dir + "/ganesha-" + plan.key + ".log";
    plan.export_path = point != nullptr ? fs.data + point->path : fs.data;
    plan.host_name = replaceAll(plan.key, ".", "-");
    plan.epoch = std::to_string(++epoch_);
    plan.point = point;
    plan.minor_versions = fs.s3files ? "1, 2" : "0, 1";
    if (point != nullptr) EFS_CHECK(createAccessPoint(plan.export_path, *point));
    EFS_CHECK(launch(plan));
  }
  return {};
}

Result<std::unique_ptr<GaneshaPool>> GaneshaPool::start(const World& world) {
  const Config& config = world.config();
  std::unique_ptr<GaneshaPool> pool(new GaneshaPool(config.trunking));
  // Client ids of an earlier run must not look valid, so the epoch moves on with the clock.
  pool->epoch_ = std::chrono::system_clock::to_time_t(world.clock().now()) % (1 << 24) * 64;
  for (const auto& fs : config.file_systems) {
    EFS_CHECK(makeDirectories(fs.data, 0755));
    if (!fs.separate_state) {
      EFS_CHECK(pool->launchFor(fs, "", world));
      continue;
    }
    for (const auto& target : fs.targets) EFS_CHECK(pool->launchFor(fs, target.az, world));
  }
  EFS_TRY(never, StopSignal::create());
  for (auto& [key, instance] : pool->instances_) {
    EFS_CHECK(pool->waitUntilReady(instance, *never));
  }
  return pool;
}

GaneshaPool::~GaneshaPool() {
  for (auto& [key, instance] : instances_) (void)instance.process.signal(SIGTERM);
  for (auto& [key, instance] : instances_) {
    const auto ended = instance.process.wait(Duration(3000));
    if (!ended || !*ended) instance.process.killAndReap();
    (void)removeTree(instance.plan.directory);
  }
}

Result<Endpoint> GaneshaPool::find(const FileSystem& fs, const std::string& access_point_id,
                                   const std::string& az) const {
  const auto found = instances_.find(keyOf(fs, trunking_ ? "" : access_point_id, az));
  if (found == instances_.end()) return Error(ErrorKind::kNotFound, "no such NFS server");
  return found->second.endpoint;
}

std::map<std::string, pid_t> GaneshaPool::pids() const {
  std::map<std::string, pid_t> pids;
  for (const auto& [key, instance] : instances_) pids[key] = instance.process.pid();
  return pids;
}

}  // namespace efs::simulator
