#include "ganesha.h"

#include <signal.h>
#include <unistd.h>

#include <filesystem>

#include "efs/base/files.h"
#include "efs/net/socket.h"

namespace efs::testing {
namespace {

constexpr const char* kGanesha = "/usr/bin/ganesha.nfsd";
constexpr Duration kPatience{10000};
const SystemClock kClock;

// Free again at once, but not one that the kernel gives to the next connection of anybody before
// the server has it: those begin at 32768, and those of the Python tests end at 29999. Each process
// begins elsewhere.
int freePort() {
  constexpr int kFirst = 30000;
  constexpr int kCount = 2700;
  static int next = static_cast<int>(::getpid()) % kCount * 9;
  while (true) {
    const int port = kFirst + next++ % kCount;
    if (net::listenLoopback(port)) return port;
  }
}

}  // namespace

bool Ganesha::canRun() { return ::access(kGanesha, X_OK) == 0 && ::geteuid() == 0; }

Ganesha::Ganesha(const GaneshaOptions& options) {
  port_ = freePort();
  (void)makeDirectories(dir_.at("data"), 0755);
  (void)makeDirectories(dir_.at("recovery"), 0755);
  const auto config = dir_.write(
      "ganesha.conf", "NFS_CORE_PARAM { Protocols = 4; NFS_Port = " + std::to_string(port_) +
                          "; Bind_addr = 127.0.0.1; Enable_UDP = false; Enable_NLM = false; "
                          "Enable_RQUOTA = false; }\n"
                          "NFSv4 { Graceless = true; Minor_Versions = " +
                          options.minor_versions + "; RecoveryBackend = fs; RecoveryRoot = \"" +
                          dir_.at("recovery") +
                          "\"; Only_Numeric_Owners = true; }\n"
                          "NFS_KRB5 { Active_krb5 = false; }\n"
                          "EXPORT { Export_Id = 1; Path = \"" +
                          dir_.at("data") +
                          "\"; Pseudo = \"/\"; SecType = sys; Protocols = 4; "
                          "Transports = TCP; " +
                          options.export_access +
                          " FSAL { Name = VFS; } }\n"
                          "LOG { Default_Log_Level = EVENT; }\n");
  SpawnOptions spawn;
  spawn.argv = {"/usr/bin/timeout", "-k", "5",           "100", kGanesha, "-F", "-f", config, "-L",
                dir_.at("log"),     "-p", dir_.at("pid")};
  spawn.new_session = true;
  auto process = Subprocess::spawn(spawn);
  if (process) process_ = std::move(*process);
}

Ganesha::~Ganesha() {
  if (!process_) return;
  (void)process_->signal(SIGTERM);
  const auto ended = process_->wait(kPatience);
  if (!ended || !*ended) process_->killAndReap();
}

// It announces nowhere that it listens, so it is asked again while its process lives.
Result<UniqueFd> Ganesha::connect() {
  const Deadline deadline(kClock, kPatience);
  const auto to = *net::Endpoint::fromLiteral("127.0.0.1", static_cast<std::uint16_t>(port_));
  while (true) {
    auto fd = net::connectTcp(to, kPatience);
    if (fd || deadline.passed() || !process_) return fd;
    const auto ended = process_->wait(Duration(20));
    if (!ended || *ended) return Error(ErrorKind::kIo, test_support::contentOf(dir_.at("log")));
  }
}

int Ganesha::clientsOnRecord() const {
  int count = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(dir_.at("recovery"))) {
    if (entry.path().filename().string().find("efsmount") != std::string::npos) ++count;
  }
  return count;
}

}  // namespace efs::testing
