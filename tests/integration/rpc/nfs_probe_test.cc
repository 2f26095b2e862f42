// Promise: the probe tells the truth about a real NFSv4.1 server (nfs-ganesha on loopback): it lets
// in who is let in, names a denial as one, and leaves no client behind on the server.
#include "efs/rpc/nfs_probe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <optional>

#include "efs/base/files.h"
#include "efs/base/subprocess.h"
#include "efs/net/socket.h"
#include "efs/test_support/temp_dir.h"

namespace efs::rpc {
namespace {

using test_support::TempDir;
using ::testing::HasSubstr;

constexpr const char* kGanesha = "/usr/bin/ganesha.nfsd";
constexpr Duration kPatience{10000};
const SystemClock kClock;

struct GaneshaOptions {
  std::string minor_versions = "1, 2";
  std::string export_access = "Access_Type = RW;";
};

// One server with its own port and directories, ended with the object and in any case after 100 s.
class Ganesha {
 public:
  explicit Ganesha(const GaneshaOptions& options) {
    port_ = net::listenLoopback(0).value().port;  // free again at once
    (void)makeDirectories(dir_.at("data"), 0755);
    (void)makeDirectories(dir_.at("recovery"), 0755);
    const auto config =
        dir_.write("ganesha.conf",
                   "NFS_CORE_PARAM { Protocols = 4; NFS_Port = " + std::to_string(port_) +
                       "; Bind_addr = 127.0.0.1; Enable_UDP = false; Enable_NLM = false; "
                       "Enable_RQUOTA = false; }\n"
                       "NFSv4 { Graceless = true; Minor_Versions = " +
                       options.minor_versions + "; RecoveryBackend = fs; RecoveryRoot = \"" +
                       dir_.at("recovery") +
                       "\"; Only_Numeric_Owners = true; }\n"
                       "NFS_KRB5 { Active_krb5 = false; }\n"
                       "EXPORT { Export_Id = 1; Path = \"" +
                       dir_.at("data") +
                       "\"; Pseudo = \"/\"; Squash = No_Root_Squash; SecType = sys; Protocols = 4; "
                       "Transports = TCP; " +
                       options.export_access +
                       " FSAL { Name = VFS; } }\n"
                       "LOG { Default_Log_Level = EVENT; }\n");
    SpawnOptions spawn;
    spawn.argv = {
        "/usr/bin/timeout", "-k", "5",           "100", kGanesha, "-F", "-f", config, "-L",
        dir_.at("log"),     "-p", dir_.at("pid")};
    spawn.new_session = true;
    auto process = Subprocess::spawn(spawn);
    if (process) process_ = std::move(*process);
  }
  ~Ganesha() {
    if (!process_) return;
    (void)process_->signal(SIGTERM);
    const auto ended = process_->wait(kPatience);
    if (!ended || !*ended) process_->killAndReap();
  }
  Ganesha(const Ganesha&) = delete;
  Ganesha& operator=(const Ganesha&) = delete;

  // A connection, as soon as the server listens. It announces that nowhere, so it is asked again
  // while its process lives.
  Result<UniqueFd> connect() {
    const Deadline deadline(kClock, kPatience);
    const auto to = *net::Endpoint::fromLiteral("127.0.0.1", static_cast<std::uint16_t>(port_));
    while (true) {
      auto fd = net::connectTcp(to, kPatience);
      if (fd || deadline.passed() || !process_) return fd;
      const auto ended = process_->wait(Duration(20));
      if (!ended || *ended) return Error(ErrorKind::kIo, test_support::contentOf(dir_.at("log")));
    }
  }

  // Directories of clients that the server would let reclaim their state after a restart.
  int clientsOnRecord() const {
    int count = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(dir_.at("recovery"))) {
      if (entry.path().filename().string().find("efsmount") != std::string::npos) ++count;
    }
    return count;
  }

 private:
  TempDir dir_;
  int port_ = 0;
  std::optional<Subprocess> process_;
};

struct NfsProbeIntegration : ::testing::Test {
  void SetUp() override {
    if (::access(kGanesha, X_OK) != 0) GTEST_SKIP() << "nfs-ganesha is not installed";
    if (::geteuid() != 0) GTEST_SKIP() << "nfs-ganesha needs root for file handles";
  }
};

TEST_F(NfsProbeIntegration, IsLetInByARealServerAndLeavesNothingBehind) {
  Ganesha server({});
  std::string owner;
  for (int round = 0; round < 3; ++round) {
    const auto fd = server.connect();
    ASSERT_TRUE(fd) << fd.error().message();
    const auto result = probeNfs(fd->get(), kClock, kPatience);
    ASSERT_TRUE(result) << result.error().message();
    EXPECT_FALSE(result->server_owner.empty());
    if (round > 0) {
      EXPECT_EQ(result->server_owner, owner);
    }
    owner = result->server_owner;
    EXPECT_EQ(server.clientsOnRecord(), 0);
  }
}

TEST_F(NfsProbeIntegration, TwoProbesFitOneConnection) {
  Ganesha server({});
  const auto fd = server.connect();
  ASSERT_TRUE(fd) << fd.error().message();
  EXPECT_TRUE(pingNfs(fd->get(), kClock, kPatience));
  EXPECT_TRUE(probeNfs(fd->get(), kClock, kPatience));
  EXPECT_TRUE(probeNfs(fd->get(), kClock, kPatience));
}

TEST_F(NfsProbeIntegration, NamesADenialAsPermission) {
  Ganesha server({"1, 2", "Access_Type = NONE; CLIENT { Clients = 192.0.2.1; Access_Type = RW; }"});
  const auto fd = server.connect();
  ASSERT_TRUE(fd) << fd.error().message();
  const auto result = probeNfs(fd->get(), kClock, kPatience);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind(), ErrorKind::kPermission) << result.error().message();
  EXPECT_THAT(result.error().message(), HasSubstr("root directory"));
  EXPECT_EQ(server.clientsOnRecord(), 0);
}

TEST_F(NfsProbeIntegration, NamesAServerWithoutNfs41) {
  Ganesha server({"0", "Access_Type = RW;"});
  const auto fd = server.connect();
  ASSERT_TRUE(fd) << fd.error().message();
  const auto result = probeNfs(fd->get(), kClock, kPatience);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind(), ErrorKind::kUnsupported) << result.error().message();
}

}  // namespace
}  // namespace efs::rpc
