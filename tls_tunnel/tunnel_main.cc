#include "efs/tls_tunnel/tunnel_main.h"

#include <fmt/core.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <optional>

#include "efs/base/environment.h"
#include "efs/base/files.h"
#include "efs/base/log.h"
#include "efs/base/output.h"
#include "efs/base/random.h"
#include "efs/base/version.h"
#include "efs/loop/event_loop.h"
#include "efs/tls/tls_client_context.h"
#include "efs/tls_tunnel/client_gate.h"
#include "efs/tls_tunnel/command_line.h"
#include "efs/tls_tunnel/listener.h"
#include "efs/tls_tunnel/tunnel_confinement.h"
#include "efs/tls_tunnel/tunnel_server.h"
#include "efs/tunnel_control/tunnel_config.h"
#include "efs/tunnel_control/tunnel_counters.h"
#include "efs/tunnel_control/tunnel_signals.h"

namespace efs::tls_tunnel {
namespace {

using tunnel_control::Stage;
using tunnel_control::TunnelConfig;

constexpr int kExitFailed = 1;
// For the last lines. Whoever waits for our end waits as long.
constexpr Duration kLogPatience{300};
constexpr int kExitUsage = 2;

// The name is part of the contract (TUN-1, CSI-6), whatever we were started as. The private key is
// in our memory: no core files, no reading by others of our user.
void becomeTunnel() {
  // Whoever looks for tunnels compares this name, also efs-utils' watchdog.
  (void)::prctl(PR_SET_NAME, "efs-proxy");
  (void)::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
#ifndef __SANITIZE_ADDRESS__  // its leak check needs ptrace(2)
  (void)::prctl(PR_SET_DUMPABLE, 0);
#endif
}

// The state directory: our configuration lies there.
// Failing to log is no reason to fail a mount. The level that it has.
log::Level openLog(const TunnelConfig& config, const std::string& config_path) {
  log::Config settings;
  settings.form = log::Form::kTunnel;
  settings.path = config.log_file.empty()
                      ? tunnel_control::defaultTunnelLog(mountNameOf(config_path))
                      : config.log_file;
  settings.max_bytes = config.log_max_bytes;
  settings.file_count = config.log_file_count;
  settings.level =
      log::parseLevel(config.proxy_logging_level.value_or("")).value_or(log::Level::kInfo);
  if (config.debug) settings.level = log::Level::kDebug;
  settings.writer = config.log_writer;
  settings.state_dir = directoryOf(config_path);
  if (auto opened = log::open(settings); !opened)
    say(STDERR_FILENO, fmt::format("efs-proxy: no log: {}\n", opened.error().describe()));
  return settings.level;
}

// Contract TUN-3: decimal and a newline, 0644; plain mounts have no directory for it (ST-5).
void writePidFile(const std::string& path) {
  if (path.empty()) return;
  auto written = writeFileAtomic(path, fmt::format("{}\n", ::getpid()), {.mode = 0644});
  if (!written) log::debug("No pid file: {}", written.error().describe());
}

// A tunnel without counters serves as well as any other.
tunnel_control::CountersWriter makeCounters(const std::string& config_path) {
  auto writer = tunnel_control::CountersWriter::create(tunnel_control::countersPath(config_path));
  if (writer) return std::move(*writer);
  log::warning("No counters for the watchdog: {}", writer.error().describe());
  return {};
}

// Where the server was when a tunnel of this mount was killed, as its page of counters tells. It
// was replaced because its mount hung, perhaps, and DNS is what does not answer.
std::optional<net::Endpoint> upstreamOfPredecessor(const std::string& config_path) {
  const auto page = tunnel_control::CountersReader::open(tunnel_control::countersPath(config_path));
  const auto counters = page ? page->read() : unexpected(page.error());
  return counters && counters->consistent ? endpointOf(counters->facts.upstream) : std::nullopt;
}

// The signals of TUN-4 and tunnel_signals.h as a descriptor; SIGPIPE is none of them: writes report
// it.
Result<UniqueFd> openSignals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signo : {SIGTERM, SIGINT, tunnel_control::kReloadSignal,
                          tunnel_control::kReconnectSignal, tunnel_control::kDebugSignal})
    sigaddset(&set, signo);
  if (::sigprocmask(SIG_SETMASK, &set, nullptr) != 0) return Error::fromErrno(errno, "sigprocmask");
  (void)::signal(SIGHUP, SIG_DFL);  // our launcher had it ignored until now
  (void)::signal(SIGPIPE, SIG_IGN);
  UniqueFd fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd.valid()) return Error::fromErrno(errno, "signalfd");
  return fd;
}

// Without verification there is no chain to ask about; stunnel does the same.
bool asksRevocation(const TunnelConfig& config) { return config.ocsp && config.verify != 0; }

Result<tls::TlsClientContext> makeTls(const TunnelConfig& config, const Clock& clock) {
  tls::TlsOptions options;
  options.verify = config.verify != 0;
  options.ca_file = config.ca_file;
  options.check_host = config.check_host;
  options.server_name = config.connect_host;
  options.certificate_file = config.certificate;
  options.key_file = config.private_key;
  options.fips = config.fips;
  options.ciphers = config.ciphers;
  options.ask_staple = asksRevocation(config);
  return tls::TlsClientContext::create(options, clock);
}

class TunnelProgram {
 public:
  TunnelProgram(TunnelArguments line, StatusPipe status)
      : line_(std::move(line)), status_(std::move(status)) {}

  Status run() {
    EFS_CHECK(prepare());
    const std::string address = listener_.address.text();
    const bool inherited = listener_.inherited;
    TunnelServer& server = server_.emplace(*context_, *gate_, std::move(listener_));
    // The last thing that may fail; what connected before waits in the backlog.
    EFS_CHECK(server.start());
    EFS_TRY(watch, loop_->watch(signals_.get(), EPOLLIN, [this](std::uint32_t) { onSignal(); }));
    log::info("Starting new incarnation: {} -> {}:{}, {}{}", address, context_->host,
              context_->port, context_->tls != nullptr ? "TLS" : "plain TCP",
              inherited ? ", inherited listener" : "");
    if (tls_) log::info("Client certificate: {}", tls_->describeCertificate());
    if (tls_) tellIfReadOnce(*tls_);
    if (confine_) confineTunnel(*confine_, line_.config_path);
    status_.reached(Stage::kListening, address);
    Status ended = loop_->run();
    // Whoever maps it keeps its copy; a reader that comes later finds none instead of an old one.
    meter_->removePage();
    return ended;
  }

  void reportFailure(const Error& error) { status_.failed(Stage::kListening, error); }

 private:
  // Everything that needs files or rights of root happens here; what comes after needs neither, but
  // for files that are read again (tunnel_confinement.h).
  Status prepare() {
    EFS_TRY(config, TunnelConfig::load(line_.config_path));
    level_ = openLog(config, line_.config_path);
    // Blocked before there is anything that a signal could interrupt; they are read in the loop.
    EFS_TRY(signals, openSignals());
    signals_ = std::move(signals);
    EFS_TRY(loop, loop::EventLoop::create(clock_));
    loop_ = std::move(loop);
    loop_->beforeWait([] {
      tellRefusedCalls();
      return log::pump();
    });
    EFS_TRY(listener, takeListener(config.accept_port));
    listener_ = std::move(listener);
    // Listening already: whoever reads the number may connect.
    writePidFile(config.pid_file);
    if (line_.tls) {
      EFS_TRY(context, makeTls(config, clock_));
      tls_ = std::move(context);
    }
    openGate({config.allow_any_uid, config.allow_uids});
    const auto last_upstream = upstreamOfPredecessor(line_.config_path);
    openMeter(last_upstream);  // takes that page away
    context_.emplace(SessionContext{*loop_, limits_, status_, *meter_, pacer_, config.connect_host,
                                    static_cast<std::uint16_t>(config.connect_port),
                                    tls_ ? &*tls_ : nullptr,
                                    tls_ && asksRevocation(config) ? &revocation_ : nullptr,
                                    tls_ && config.verify != 0 && !config.check_host.empty(),
                                    [this, here = listener_.address](const net::Endpoint& client) {
                                      return isOrphaned(client, here);
                                    }});
    if (last_upstream) context_->addresses.served(*last_upstream);
    allowConnections(config.max_connections);
    if (config.confine) confine_ = config;
    return {};
  }

  void allowConnections(int most) {
    context_->scale.max_connections = static_cast<std::uint32_t>(most);
    RandomSource random;
    for (char& byte : context_->scale.who.identifier) byte = static_cast<char>(random());
  }

  void openGate(LocalUsers users) {
    if (!users.any) owners_.prepare();
    if (!owners_.whyTable().empty())
      log::info("Clients are looked up in /proc/net/tcp: {}", owners_.whyTable());
    const auto lookup = [this](const net::Endpoint& local, const net::Endpoint& remote) {
      return owners_.find(local, remote);
    };
    LookupRound round;
    if (!owners_.whyTable().empty()) {
      limits_.accepts_per_turn = limits_.accepts_per_costly_turn;
      round.begin = [this] {
        owners_.readTable();
        return true;
      };
      round.end = [this] { owners_.forget(); };
    }
    gate_.emplace(std::move(users), lookup, clock_, round);
  }

  // A client that cannot be looked up is not gone.
  bool isOrphaned(const net::Endpoint& client, const net::Endpoint& here) {
    const auto owner = owners_.find(client, here);
    return owner && *owner && (*owner)->inode == 0;
  }

  // After the signals: who sees the page may send them.
  void openMeter(const std::optional<net::Endpoint>& last_upstream) {
    meter_.emplace(makeCounters(line_.config_path));
    // For the next one, should we end before we have connected.
    if (last_upstream) meter_->facts().upstream = last_upstream->text();
    meter_->facts().pid = ::getpid();
    meter_->facts().started = tunnel_control::countersTime(clock_.monotonic());
    showCertificate();
  }

  void showCertificate() {
    const auto end = tls_ ? tls_->certificateEnd() : std::nullopt;
    meter_->facts().certificate_end = end ? std::chrono::system_clock::to_time_t(*end) : 0;
    meter_->publishFacts();
  }

  void onSignal() {
    signalfd_siginfo info{};
    while (::read(signals_.get(), &info, sizeof(info)) == sizeof(info)) {
      if (info.ssi_signo == tunnel_control::kReloadSignal) {
        reload();
      } else if (info.ssi_signo == tunnel_control::kReconnectSignal) {
        server_->reconnect();
      } else if (info.ssi_signo == tunnel_control::kDebugSignal) {
        toggleDebug();
      } else {
        log::info("Stopping: signal {} from process {}", info.ssi_signo, info.ssi_pid);
        server_->stop();
        loop_->stop();
      }
    }
  }

  // TUN-4. Without TLS there is nothing to read again.
  void reload() {
    if (!tls_) return log::debug("SIGHUP ignored: no TLS");
    if (auto status = tls_->reloadCertificate(); !status) {
      log::error("New client certificate refused, the old one stays: {}",
                 status.error().describe());
    } else {
      log::info("Client certificate read again: {}", tls_->describeCertificate());
      showCertificate();
    }
    refreshAuthorities(*tls_);
  }

  // Said while everything is said, so that it is in the log in either case.
  void toggleDebug() {
    debug_ = !debug_;
    if (debug_) log::setLevel(log::Level::kDebug);
    log::info("Log level {}: signal {}", debug_ ? "debug" : "as configured",
              tunnel_control::kDebugSignal);
    if (!debug_) log::setLevel(level_);
  }

  TunnelArguments line_;
  std::optional<TunnelConfig> confine_;  // where it is asked for
  StatusPipe status_;
  log::Level level_ = log::Level::kInfo;
  bool debug_ = false;
  const SystemClock clock_;
  Limits limits_;
  UniqueFd signals_;
  std::unique_ptr<loop::EventLoop> loop_;
  TunnelListener listener_;
  std::optional<tls::TlsClientContext> tls_;
  tls::RevocationMemory revocation_;
  net::SocketOwners owners_;
  std::optional<ClientGate> gate_;
  std::optional<TunnelMeter> meter_;
  ConnectPacer pacer_{limits_, RandomSource()()};
  std::optional<SessionContext> context_;
  std::optional<TunnelServer> server_;
};

int serve(TunnelArguments line) {
  TunnelProgram tunnel(std::move(line), StatusPipe::fromEnvironment());
  auto status = tunnel.run();
  if (status) return 0;
  const Error error = status.error();
  log::error("Cannot run: {}", error.describe());
  tunnel.reportFailure(error);
  say(STDERR_FILENO, fmt::format("efs-proxy: {}\n", error.describe()));
  return kExitFailed;
}

}  // namespace

namespace {

// Whoever started us (efs-utils' watchdog hands everything on): a tunnel signs nothing and asks no
// proxy, and its environment stands in /proc for months.
void forgetEnvironment() {
  std::vector<std::string> unwanted{"AWS_*"};
  unwanted.insert(unwanted.end(), kProxyVariables.begin(), kProxyVariables.end());
  (void)takeVariables(unwanted);
}

}  // namespace

int runTunnel(const std::vector<std::string>& arguments) {
  auto line = parseTunnelArguments(arguments);
  if (!line) {
    fmt::print(stderr, "efs-proxy: {}\n{}", line.error().message(), usage());
    return kExitUsage;
  }
  if (line->action == TunnelArguments::Action::kHelp) {
    fmt::print("{}", usage());
    return 0;
  }
  if (line->action == TunnelArguments::Action::kVersion) {
    fmt::print("{}", versionLine("efs-proxy"));
    return 0;
  }
  forgetEnvironment();
  becomeTunnel();
  const int code = serve(std::move(*line));
  tellRefusedCalls();
  // Not before the tunnel has let go of its port and connections.
  (void)log::finish(kLogPatience);
  return code;
}

}  // namespace efs::tls_tunnel
