#include "doctor/way_to_server.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <utility>

#include "efs/base/files.h"
#include "efs/base/nfs_port.h"
#include "efs/base/text.h"
#include "efs/crypto/rsa_key.h"
#include "efs/identity/client_certificate.h"
#include "efs/mounts/mount_table.h"
#include "efs/net/hosts_file.h"
#include "efs/net/socket.h"
#include "efs/rpc/nfs_probe.h"
#include "efs/state/state_store.h"
#include "efs/tunnel_control/tunnel_launcher.h"
#include "plan/direct_plan.h"
#include "plan/mount_plan.h"
#include "request/option_spelling.h"

namespace efs::efsctl {
namespace {

using mount_helper::OwnTunnel;
using tunnel_control::Stage;
using tunnel_control::TunnelStatus;

constexpr Duration kConnectPatience{2000};
constexpr Duration kTunnelStart{4000};
constexpr Duration kAnswerPatience{3500};
constexpr const char* kNothingKnown = "ask for support with efsctl doctor --bundle";

// An NFS mount at the path or above it: nothing below may be looked at.
bool behindNfs(const mounts::MountTable& table, const std::string& path) {
  for (const auto& entry : table.entries()) {
    if (!entry.isNfs()) continue;
    if (path == entry.target || path.starts_with(entry.target + "/")) return true;
  }
  return false;
}

Error stalledHandshake(const Error& cause) {
  Error error(ErrorKind::kTimeout,
              "TLS: the server took the connection, but does not answer in the handshake: " +
                  cause.message());
  error.addHint(
      "the server is stuck, or large packets are lost on the way (MTU): try `ip link set dev "
      "<interface> "
      "mtu 1500`, and whether the security group drops ICMP");
  return error;
}

}  // namespace

WayToServer::WayToServer(const settings::Settings& settings, const Clock& clock,
                         std::string work_dir, Reporter& report)
    : settings_(settings),
      clock_(clock),
      work_dir_(std::move(work_dir)),
      report_(report),
      key_(identity::kPrivateKeyPath, work_dir_ + "/trial-key.pem") {}

void WayToServer::walk(const DoctorTarget& target) {
  if (!makeRequest(target)) return;
  if (request_.tls) key_.prepare();
  if (!lookAtPlace(target) || !findRegion() || !findTarget()) return;
  if (!findIdentity() || !findAuthorities() || !connect()) return;
  if (mountsDirectly(request_, settings_.mount)) return askDirectly();
  if (makeKey()) (void)tryTunnel();
}

bool WayToServer::makeRequest(const DoctorTarget& target) {
  report_.begin("options");
  mount_helper::CommandLine command;
  command.device = target.device;
  command.mountpoint = target.mountpoint.empty() ? "/mnt" : target.mountpoint;
  command.options = target.options;
  command.fake = true;
  command.kind = target.kind;
  auto request = makeMountRequest(command);
  if (!request) {
    report_.fail(request.error(), "mount.efs(8) has the options and the forms of a device");
    return false;
  }
  request_ = std::move(*request);
  const std::string doubt = mount_helper::spellingHint(request_.nfs_options, request_.kind);
  if (!doubt.empty()) {
    report_.fail(doubt, "the kernel refuses what it does not know");
    return false;
  }
  report_.pass(printable(target.options.empty() ? "none" : target.options, 500) + ", from " +
               target.from);
  return true;
}

bool WayToServer::lookAtPlace(const DoctorTarget& target) {
  if (target.mountpoint.empty()) return true;
  report_.begin("mount point");
  const std::string& path = request_.mountpoint;
  const auto table = mounts::MountTable::readKernel();
  if (!table || behindNfs(*table, path)) {
    report_.skip(path + " is on a mount of NFS, which is not touched");
    return true;
  }
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) {
    report_.fail(Error::fromErrno(errno, "mount point " + path)
                     .addHint("make the directory: mkdir -p " + path),
                 "");
    return false;
  }
  if (!S_ISDIR(info.st_mode)) {
    report_.fail("mount point " + path + " is not a directory",
                 "choose another, or remove the file");
    return false;
  }
  report_.pass(path + " is a directory");
  return true;
}

bool WayToServer::findRegion() {
  report_.begin("region");
  finder_.emplace(request_, settings_, clock_);
  if (request_.netns) {
    auto network = net::NetworkNamespace::open(*request_.netns);
    if (!network) {
      report_.fail(network.error().addContext("mount option netns"), "`ip netns` lists them");
      return false;
    }
    network_ = std::move(*network);
    finder_->connectIn(&*network_);
  }
  if (request_.device.fs_id.empty()) {
    auto name = finder_->canonicalName();
    const Status adopted = name ? adoptCanonicalName(request_, *name) : Status(name.error());
    if (!adopted) {
      report_.fail(adopted.error(), "name the file system with the mount option fsid");
      return false;
    }
  }
  auto region = finder_->region();
  if (!region) {
    report_.fail(region.error(), "name it with the mount option region or key region of [mount]");
    return false;
  }
  facts_.region = std::move(*region);
  report_.pass(facts_.region + ", from " + finder_->regionSource());
  return true;
}

bool WayToServer::findTarget() {
  report_.begin("mount target");
  finder_->startLookups(facts_.region);
  auto target = finder_->mountTarget(facts_.region);
  if (!target) {
    report_.fail(target.error(), "check the file system id, the region and /etc/resolv.conf");
    return false;
  }
  facts_.target = std::move(*target);
  addresses_ = {facts_.target.first_address};
  report_.pass(facts_.target.peer() + " is " + facts_.target.first_address);
  if (net::pinnedInHostsFile(facts_.target.peer())) {
    report_.warn(facts_.target.peer() + " has an address in /etc/hosts",
                 "when AWS moves the mount target this line must change; without it DNS tells");
  }
  return true;
}

bool WayToServer::findIdentity() {
  if (!request_.iam) return true;
  report_.begin("identity");
  auto credentials = finder_->credentials(facts_.region);
  if (!credentials) {
    report_.fail(credentials.error(), "docs/credentials.md has every source and its place");
    return false;
  }
  facts_.credentials = std::move(*credentials);
  facts_.credentials_origin = finder_->credentialsOrigin();
  report_.pass(mount_helper::signerOf(facts_.credentials));
  return true;
}

bool WayToServer::findAuthorities() {
  facts_.host_name = mount_helper::hostName();
  const bool wanted = request_.tls && request_.verify.value_or(2) != 0;
  if (!wanted) return true;
  report_.begin("authorities");
  const std::string file = request_.ca_file.value_or(settings_.forRegion(facts_.region).ca_file);
  if (fileExists(file)) {
    report_.pass(file);
    return true;
  }
  report_.fail(
      "Failed to find certificate authority file for verification: " + file,
      "install the CA bundle there, or name another with the mount option cafile or config "
      "key stunnel_cafile");
  return false;
}

Error WayToServer::explained(const Error& cause, const std::string& peer,
                             std::optional<TunnelStatus> failure) const {
  return mount_helper::explain(
      cause, {request_, facts_.target, peer, mount_helper::signerOf(facts_.credentials),
              std::move(failure)});
}

Status WayToServer::inNetwork(const std::function<Status()>& step) const {
  return network_ ? network_->run(step) : step();
}

bool WayToServer::connect() {
  report_.begin("connection");
  const auto endpoint = net::Endpoint::fromLiteral(facts_.target.first_address, kNfsPort);
  if (!endpoint) {
    report_.skip("the address of " + facts_.target.peer() + " is not known");
    return true;
  }
  const MonoTime began = clock_.monotonic();
  const Status connected = inNetwork([&]() -> Status {
    EFS_CHECK(net::connectTcp(*endpoint, kConnectPatience));
    return {};
  });
  const auto took = std::chrono::duration_cast<Duration>(clock_.monotonic() - began);
  if (connected) {
    report_.pass(fmt::format("{} answers after {} ms", endpoint->text(), took.count()));
    return true;
  }
  TunnelStatus failure;
  failure.stage = Stage::kFailed;
  failure.failed_stage = Stage::kConnected;
  failure.kind = connected.error().kind();
  failure.detail = connected.error().message();
  report_.fail(explained(connected.error(), endpoint->text(), failure), kNothingKnown);
  return false;
}

// Certificate, configuration and counters in the doctor's directory instead of the host's.
Result<mount_helper::MountPlan> WayToServer::planTrial(int port) {
  EFS_TRY(binary, tunnel_control::findTunnelBinary());
  facts_.tunnel_binary = std::move(binary);
  facts_.port = port;
  const state::StateStore store(work_dir_);
  auto plan = planMount(request_, facts_, settings_, store.paths(mountNameOf(request_, facts_)),
                        clock_.now());
  plan.tunnel.debug = false;
  plan.tunnel.log_file.clear();
  plan.tunnel.log_writer = log::Writer::kOwn;
  EFS_CHECK(makeDirectories(plan.paths.secret_dir, 0700));
  if (plan.certificate) {
    plan.tunnel.private_key = key_.path();
    EFS_TRY(pem, readFile(key_.path()));
    EFS_TRY(key, crypto::RsaKey::fromPem(pem));
    EFS_TRY(certificate, identity::makeClientCertificate(*plan.certificate, key, clock_.now()));
    EFS_CHECK(writeFileAtomic(plan.paths.certificate, certificate.pem, {.mode = 0600}));
  }
  EFS_CHECK(writeFileAtomic(plan.paths.tunnel_config, plan.tunnel.serialize(request_.tls),
                            {.mode = 0600}));
  return plan;
}

bool WayToServer::makeKey() {
  if (!request_.tls) return true;
  const bool waits = key_.underWay();
  report_.beginWork("private key");
  const Status taken = key_.take();
  if (!taken) {
    report_.fail(taken.error(), kNothingKnown);
    return false;
  }
  if (waits) report_.pass("made for this trial: the host has none yet");
  return true;
}

bool WayToServer::tryTunnel() {
  report_.begin("tunnel");
  std::optional<OwnTunnel> tunnel;
  int port = 0;
  const Status started = inNetwork([&]() -> Status {
    EFS_TRY(listener, net::listenLoopback(0));
    port = listener.port;
    EFS_TRY(plan, planTrial(port));
    EFS_TRY(own, OwnTunnel::start(plan, listener, clock_, kTunnelStart));
    tunnel = std::move(own);
    return {};
  });
  if (!started) {
    report_.fail(started.error(), kNothingKnown);
    return false;
  }
  report_.owns(tunnel->pid());
  report_.pass(facts_.tunnel_binary + " runs");
  report_.begin(request_.tls ? "TLS" : "NFS");
  askThrough(port, *tunnel);
  tunnel->stop();
  return true;
}

void WayToServer::askThrough(int port, OwnTunnel& tunnel) {
  const Status answer = inNetwork([&]() -> Status {
    const auto self = net::Endpoint::fromLiteral("127.0.0.1", static_cast<std::uint16_t>(port));
    EFS_TRY(connection, net::connectTcp(*self, Duration(1000)));
    EFS_CHECK(rpc::probeNfs(connection.get(), clock_, kAnswerPatience, request_.device.path));
    return {};
  });
  tunnel.readStatus(Duration(100));
  judgeTrial(answer, tunnel);
}

// What came of it belongs to the step at which it ended; those before it went well.
void WayToServer::judgeTrial(const Status& answer, OwnTunnel& tunnel) {
  const auto failure = answer ? std::optional<TunnelStatus>() : tunnel.failure();
  if (request_.tls) {
    const bool silent = !answer && !failure && tunnel.secured().empty();
    if (silent) return report_.fail(stalledHandshake(answer.error()), "");
    const bool ended_before = failure && failure->failed_stage != Stage::kAccepted;
    if (ended_before)
      return report_.fail(explained(answer.error(), tunnel.peer(), failure), kNothingKnown);
    report_.pass(tunnel.secured());
    report_.begin("authorisation");
  }
  const bool missing = !answer && (answer.error().kind() == ErrorKind::kNotFound ||
                                   answer.error().kind() == ErrorKind::kInvalidInput);
  const bool denied = !answer && (answer.error().kind() == ErrorKind::kPermission ||
                                  answer.error().kind() == ErrorKind::kReset);
  if (denied) return report_.fail(explained(answer.error(), tunnel.peer(), failure), kNothingKnown);
  if (request_.tls && (answer || missing)) report_.pass("the server takes the certificate");
  report_.begin(missing ? "directory" : "NFS");
  if (!answer)
    return report_.fail(explained(answer.error(), tunnel.peer(), failure), kNothingKnown);
  report_.pass("the server lets this host look at " + request_.device.path);
}

void WayToServer::askDirectly() {
  report_.begin("NFS");
  const Status answer = inNetwork([&]() -> Status {
    const auto endpoint = net::Endpoint::fromLiteral(facts_.target.first_address, kNfsPort);
    if (!endpoint) return Error(ErrorKind::kInternal, "no address");
    EFS_TRY(connection, net::connectTcp(*endpoint, kConnectPatience));
    EFS_CHECK(rpc::probeNfs(connection.get(), clock_, kAnswerPatience, request_.device.path));
    return {};
  });
  if (!answer) {
    return report_.fail(explained(answer.error(), facts_.target.first_address, {}), kNothingKnown);
  }
  report_.pass("the server lets this host look at " + request_.device.path);
}

}  // namespace efs::efsctl
