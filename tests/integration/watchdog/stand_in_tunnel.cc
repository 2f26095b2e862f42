// A tunnel without an upstream, named efs-proxy: it keeps the process contract (section 16) and
// nothing else, so that tests of the watchdog see processes come and go and need no network.
// Each client is told "<pid>\n" and then held until it closes. Files in $STAND_IN_DIR steer it:
//   <port>.starts    one line per start: pid and whether the listener was handed over
//   <port>.hups      one byte per SIGHUP
//   <port>.dies      if it exists, exit at once
//   <port>.stubborn  if it exists, ignore SIGTERM
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "efs/base/files.h"
#include "efs/net/socket.h"
#include "efs/tunnel_control/tunnel_config.h"

namespace {

void append(const std::string& path, const std::string& text) {
  const efs::UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  (void)efs::writeAll(fd.get(), text, path);
}

efs::UniqueFd signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGHUP);
  sigaddset(&set, SIGTERM);
  ::sigprocmask(SIG_BLOCK, &set, nullptr);
  return efs::UniqueFd(::signalfd(-1, &set, SFD_CLOEXEC));
}

bool inherited() {
  const char* pid = std::getenv("LISTEN_PID");
  return pid != nullptr && std::atoi(pid) == ::getpid();
}

efs::UniqueFd listener(int port) {
  if (inherited()) return efs::UniqueFd(3);
  auto own = efs::net::listenLoopback(port);
  return own ? std::move(own->fd) : efs::UniqueFd();
}

void serve(const std::string& notes, const efs::UniqueFd& listening, const efs::UniqueFd& signal) {
  std::vector<efs::UniqueFd> clients;
  while (true) {
    pollfd watched[2] = {{listening.get(), POLLIN, 0}, {signal.get(), POLLIN, 0}};
    if (::poll(watched, 2, -1) < 0) return;
    if (watched[0].revents != 0) {
      efs::UniqueFd client(::accept4(listening.get(), nullptr, nullptr, SOCK_CLOEXEC));
      const std::string hello = std::to_string(::getpid()) + "\n";
      if (client.valid() && ::send(client.get(), hello.data(), hello.size(), MSG_NOSIGNAL) > 0) {
        clients.push_back(std::move(client));
      }
    }
    signalfd_siginfo info{};
    if (watched[1].revents == 0 || ::read(signal.get(), &info, sizeof info) <= 0) continue;
    if (info.ssi_signo == SIGHUP) append(notes + ".hups", "h");
    if (info.ssi_signo == SIGTERM && !efs::fileExists(notes + ".stubborn")) return;
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  const char* directory = std::getenv("STAND_IN_DIR");
  const auto config = efs::tunnel_control::TunnelConfig::load(argv[1]);
  if (!config || directory == nullptr) return 1;
  const std::string notes = std::string(directory) + "/" + std::to_string(config->accept_port);
  append(notes + ".starts", std::to_string(::getpid()) + (inherited() ? " inherited\n" : " own\n"));
  if (efs::fileExists(notes + ".dies")) return 1;
  const efs::UniqueFd signal = signals();
  const efs::UniqueFd listening = listener(config->accept_port);
  if (!listening.valid()) return 1;
  serve(notes, listening, signal);
  return 0;
}
