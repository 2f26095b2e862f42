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

#include "efs/base/files.h"
#include "efs/base/log.h"
#include "efs/base/version.h"
#include "efs/io/event_loop.h"
#include "efs/tls/tls_client_context.h"
#include "efs/tls_tunnel/command_line.h"
#include "efs/tls_tunnel/listener.h"
#include "efs/tls_tunnel/tunnel_server.h"
#include "efs/tunnel_control/tunnel_config.h"

namespace efs::tls_tunnel {
namespace {

using tunnel_control::Stage;
using tunnel_control::TunnelConfig;

constexpr int kExitFailed = 1;
constexpr int kExitUsage = 2;

// The name is part of the contract (TUN-1, CSI-6), whatever we were started as. The private key is
// in our memory: no core files, no reading by others of our user.
void becomeTunnel() {
  (void)::prctl(PR_SET_NAME, "efs-proxy");
  (void)::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
#ifndef __SANITIZE_ADDRESS__  // its leak check needs ptrace(2)
  (void)::prctl(PR_SET_DUMPABLE, 0);
#endif
}

// Failing to log is no reason to fail a mount.
void openLog(const TunnelConfig& config, const std::string& config_path) {
  log::Config settings;
  settings.form = log::Form::kTunnel;
  settings.path = config.log_file.empty()
                      ? "/var/log/amazon/efs/" + mountNameOf(config_path) + ".efs-proxy.log"
                      : config.log_file;
  settings.max_bytes = config.log_max_bytes;
  settings.file_count = config.log_file_count;
  settings.level =
      log::parseLevel(config.proxy_logging_level.value_or("")).value_or(log::Level::kInfo);
  if (config.debug) settings.level = log::Level::kDebug;
  if (auto opened = log::open(settings); !opened)
    fmt::print(stderr, "efs-proxy: no log: {}\n", opened.error().describe());
}

// Contract TUN-3: decimal and a newline, 0644; plain mounts have no directory for it (ST-5).
void writePidFile(const std::string& path) {
  if (path.empty()) return;
  auto written = writeFileAtomic(path, fmt::format("{}\n", ::getpid()), {.mode = 0644});
  if (!written) log::debug("No pid file: {}", written.error().describe());
}

// The signals of TUN-4 as a descriptor; SIGPIPE is none of them: writes report it.
Result<UniqueFd> openSignals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signo : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, signo);
  if (::sigprocmask(SIG_SETMASK, &set, nullptr) != 0) return Error::fromErrno(errno, "sigprocmask");
  (void)::signal(SIGHUP, SIG_DFL);  // our launcher had it ignored until now
  (void)::signal(SIGPIPE, SIG_IGN);
  UniqueFd fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd.valid()) return Error::fromErrno(errno, "signalfd");
  return fd;
}

Result<tls::TlsClientContext> makeTls(const TunnelConfig& config, const Clock& clock) {
  tls::TlsOptions options;
  options.verify = config.verify != 0;
  options.ca_file = config.ca_file;
  options.check_host = config.check_host;
  options.server_name = config.connect_host;
  options.certificate_file = config.certificate;
  options.key_file = config.private_key;
  options.fips = config.fips;
  return tls::TlsClientContext::create(options, clock);
}

class Tunnel {
 public:
  Tunnel(CommandLine line, StatusPipe status)
      : line_(std::move(line)), status_(std::move(status)) {}

  Status run() {
    EFS_CHECK(prepare());
    TunnelServer server(*context_, std::move(listener_.fd));
    EFS_CHECK(server.start());
    EFS_TRY(watch, loop_->watch(signals_.get(), EPOLLIN, [this](std::uint32_t) { onSignal(); }));
    log::info("Starting new incarnation: {} -> {}:{}, {}{}", listener_.address, context_->host,
              context_->port, context_->tls != nullptr ? "TLS" : "plain TCP",
              listener_.inherited ? ", inherited listener" : "");
    if (tls_) log::info("Client certificate: {}", tls_->describeCertificate());
    status_.reached(Stage::kListening, listener_.address);
    return loop_->run();
  }

  void reportFailure(const Error& error) { status_.failed(Stage::kListening, error); }

 private:
  // Everything that needs files or rights of root happens here; what comes after needs neither.
  Status prepare() {
    EFS_TRY(config, TunnelConfig::load(line_.config_path));
    openLog(config, line_.config_path);
    EFS_TRY(signals, openSignals());
    signals_ = std::move(signals);
    EFS_TRY(loop, io::EventLoop::create(clock_));
    loop_ = std::move(loop);
    EFS_TRY(listener, takeListener(config.accept_port));
    listener_ = std::move(listener);
    writePidFile(config.pid_file);
    if (line_.tls) {
      EFS_TRY(context, makeTls(config, clock_));
      tls_ = std::move(context);
    }
    context_.emplace(SessionContext{*loop_, limits_, status_, config.connect_host,
                                    static_cast<std::uint16_t>(config.connect_port),
                                    tls_ ? &*tls_ : nullptr});
    return {};
  }

  void onSignal() {
    signalfd_siginfo info{};
    while (::read(signals_.get(), &info, sizeof(info)) == sizeof(info)) {
      if (info.ssi_signo == SIGHUP) {
        reload();
      } else {
        log::info("Stopping: signal {} from process {}", info.ssi_signo, info.ssi_pid);
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
    }
  }

  CommandLine line_;
  StatusPipe status_;
  const SystemClock clock_;
  const Limits limits_;
  UniqueFd signals_;
  std::unique_ptr<io::EventLoop> loop_;
  TunnelListener listener_;
  std::optional<tls::TlsClientContext> tls_;
  std::optional<SessionContext> context_;
};

}  // namespace

int runTunnel(const std::vector<std::string>& arguments) {
  auto line = parseCommandLine(arguments);
  if (!line) {
    fmt::print(stderr, "efs-proxy: {}\n{}", line.error().message(), usage());
    return kExitUsage;
  }
  if (line->action == CommandLine::Action::kHelp) {
    fmt::print("{}", usage());
    return 0;
  }
  if (line->action == CommandLine::Action::kVersion) {
    fmt::print("{}", versionLine("efs-proxy"));
    return 0;
  }
  becomeTunnel();
  Tunnel tunnel(std::move(*line), StatusPipe::fromEnvironment());
  if (auto status = tunnel.run(); !status) {
    Error error = status.error();
    log::error("Cannot run: {}", error.describe());
    tunnel.reportFailure(error);
    fmt::print(stderr, "efs-proxy: {}\n", error.describe());
    return kExitFailed;
  }
  return 0;
}

}  // namespace efs::tls_tunnel
