#include "simulator.h"

#include <fmt/core.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>

#include "api_server.h"
#include "control.h"
#include "credential_server.h"
#include "dns.h"
#include "efs/base/files.h"
#include "efs/base/remove_tree.h"
#include "efs/base/text.h"
#include "imds.h"
#include "named_endpoints.h"

namespace efs::simulator {
namespace {

int fail(const Error& error) {
  fmt::print(stderr, "efs-simulator: {}\n", error.describe());
  return 1;
}

int printUsage() {
  fmt::print(stderr,
             "usage: efs-simulator --config FILE.json\n"
             "       efs-simulator ctl CONTROL.SOCK COMMAND [WORD ...]\n");
  return 2;
}

// Blocks the stop signals in this thread and all that it starts; sigwait() takes them.
sigset_t blockSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  struct sigaction ignore {};
  ignore.sa_handler = SIG_IGN;
  sigaction(SIGPIPE, &ignore, nullptr);
  return signals;
}

// Removes what is made at start; the logs stay, because they are what a failed test needs.
class WorkDirectory {
 public:
  explicit WorkDirectory(std::string path) : path_(std::move(path)) {}
  WorkDirectory(const WorkDirectory&) = delete;
  WorkDirectory& operator=(const WorkDirectory&) = delete;
  ~WorkDirectory() {
    (void)removeTree(path_ + "/ganesha");
    (void)removeFile(path_ + "/ca.pem");
    (void)removeFile(path_ + "/control.sock");
  }

 private:
  std::string path_;
};

// The members' order is the order of the start; they stop in reverse.
struct Parts {
  std::unique_ptr<DnsServer> dns;
  std::unique_ptr<ImdsServer> imds;
  std::unique_ptr<ApiServer> api;
  std::unique_ptr<CredentialServer> credentials;
  std::unique_ptr<GaneshaPool> servers;
  std::unique_ptr<ServerIdentity> identity;
  std::unique_ptr<NamedEndpoints> names;
  Targets targets;
  std::unique_ptr<ControlServer> control;
};

Status startAll(World& world, Parts& parts) {
  // DNS first: ganesha looks up its own host name when it starts.
  EFS_TRY(dns, DnsServer::start(world));
  parts.dns = std::move(dns);
  EFS_TRY(imds, ImdsServer::start(world));
  parts.imds = std::move(imds);
  EFS_TRY(api, ApiServer::start(world));
  parts.api = std::move(api);
  EFS_TRY(credentials, CredentialServer::start(world));
  parts.credentials = std::move(credentials);
  EFS_TRY(identity, ServerIdentity::create(world.config(), world.clock()));
  parts.identity = std::move(identity);
  EFS_TRY(names, NamedEndpoints::start(world, *parts.identity));
  parts.names = std::move(names);
  EFS_TRY(servers, GaneshaPool::start(world));
  parts.servers = std::move(servers);
  for (const auto& fs : world.config().file_systems) {
    for (const auto& target : fs.targets) {
      EFS_TRY(started, MountTarget::start(world, *parts.identity, *parts.servers, fs, target));
      parts.targets.push_back(std::move(started));
    }
  }
  EFS_TRY(control, ControlServer::start(world, parts.targets, *parts.servers));
  parts.control = std::move(control);
  return {};
}

int serve(const std::string& config_path) {
  const sigset_t signals = blockSignals();
  auto config = loadConfig(config_path);
  if (!config) return fail(config.error());
  if (auto made = makeDirectories(config->work_dir, 0755); !made) return fail(made.error());
  const WorkDirectory work(config->work_dir);
  const SystemClock clock;
  World world(std::move(*config), clock);
  Parts parts;
  if (auto started = startAll(world, parts); !started) return fail(started.error());
  fmt::print("ready\n");
  std::fflush(stdout);
  int signo = 0;
  sigwait(&signals, &signo);
  return 0;
}

int control(const std::vector<std::string>& arguments) {
  const std::vector<std::string> words(arguments.begin() + 2, arguments.end());
  const auto reply = sendCommand(arguments[1], join(words, " "));
  if (!reply) return fail(reply.error());
  fmt::print("{}\n", *reply);
  return reply->rfind("ok", 0) == 0 ? 0 : 1;
}

}  // namespace

int run(const std::vector<std::string>& arguments) {
  if (arguments.size() == 2 && arguments[0] == "--config") return serve(arguments[1]);
  if (arguments.size() >= 3 && arguments[0] == "ctl") return control(arguments);
  return printUsage();
}

}  // namespace efs::simulator
