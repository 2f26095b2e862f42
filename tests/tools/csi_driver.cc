// csi-driver: what the AWS EFS CSI driver does to the machine it runs on, without its Kubernetes
// side.
//
//   csi-driver serve SOCKET EVENTS THREADS   as first process of a pod, until SIGKILL
//   csi-driver ask SOCKET run WORD...        the driver runs WORD...; prints its output, exits as
//   it did csi-driver ask SOCKET publish WORD... TARGET   the same as NodePublishVolume does it:
//   the directory TARGET is made before, and removed again if WORD... TARGET fails
//
// It collects stdout and stderr until
// both are closed (CSI-1), keeps a watchdog as its child, started again without delay (CSI-4),
// whose first words make it close that pipe (CSI-18), reaps of its orphans only tunnels (CSI-6),
// and does not serialise publishes (CSI-16). THREADS more threads take the pids that follow its own
// (CSI-17). What the watchdog says and how it ends becomes lines of EVENTS.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "efs/base/unique_fd.h"

namespace {

using efs::UniqueFd;
using Words = std::vector<std::string>;

struct Pipe {
  UniqueFd read, write;
};
Pipe makePipe() {
  std::array<int, 2> ends{-1, -1};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) std::perror("pipe");
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

std::string readToEnd(int fd) {
  std::string text;
  std::array<char, 4096> buffer{};
  ssize_t got = 0;
  while ((got = ::read(fd, buffer.data(), buffer.size())) > 0) {
    text.append(buffer.data(), static_cast<std::size_t>(got));
  }
  return text;
}

bool writeAll(int fd, const std::string& text) {
  std::size_t done = 0;
  while (done < text.size()) {
    const ssize_t put = ::send(fd, text.data() + done, text.size() - done, MSG_NOSIGNAL);
    if (put <= 0) return false;
    done += static_cast<std::size_t>(put);
  }
  return true;
}

// Starts a program found on PATH with these streams and no signal blocked; -1 if there is none.
pid_t start(const Words& words, int out, int err) {
  posix_spawn_file_actions_t streams;
  ::posix_spawn_file_actions_init(&streams);
  ::posix_spawn_file_actions_addopen(&streams, 0, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&streams, out, 1);
  ::posix_spawn_file_actions_adddup2(&streams, err, 2);
  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  sigset_t none;
  ::sigemptyset(&none);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  std::vector<char*> argv;
  for (const auto& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  pid_t pid = -1;
  if (::posix_spawnp(&pid, argv[0], &streams, &attributes, argv.data(), environ) != 0) pid = -1;
  ::posix_spawn_file_actions_destroy(&streams);
  ::posix_spawnattr_destroy(&attributes);
  return pid;
}

int waitFor(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) return 127;
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// --- publishes

// As os/exec's CombinedOutput: until nobody has the pipe any more, then the status.
std::pair<std::string, int> combinedOutput(const Words& words) {
  Pipe pipe = makePipe();
  const pid_t pid = start(words, pipe.write.get(), pipe.write.get());
  pipe.write.reset();
  if (pid < 0) return {"no program " + words[0] + "\n", 127};
  std::string output = readToEnd(pipe.read.get());
  return {std::move(output), waitFor(pid)};
}

Words wordsOf(const std::string& request) {
  Words words;
  for (std::size_t at = 0; at < request.size();) {
    const std::size_t end = std::min(request.find('\0', at), request.size());
    words.push_back(request.substr(at, end - at));
    at = end + 1;
  }
  return words;
}

void answer(const UniqueFd& connection) {
  Words words = wordsOf(readToEnd(connection.get()));
  if (words.size() < 2) return;
  const bool publishes = words[0] == "publish";
  words.erase(words.begin());
  std::error_code ignored;
  if (publishes) std::filesystem::create_directories(words.back(), ignored);
  auto [output, status] = combinedOutput(words);
  if (publishes && status != 0) ::rmdir(words.back().c_str());
  writeAll(connection.get(), output + '\0' + std::to_string(status));
}

// --- its child

// The driver's log writer returns a wrong length: the copier takes it for an error and closes.
void copyFirstWords(UniqueFd pipe, const std::string& stream, std::ofstream& events) {
  std::array<char, 4096> buffer{};
  const ssize_t got = ::read(pipe.get(), buffer.data(), buffer.size());
  if (got <= 0) return;
  events << stream << ": " << std::string(buffer.data(), static_cast<std::size_t>(got))
         << std::endl;
}

[[noreturn]] void keepWatchdog(const std::string& path) {
  std::ofstream events(path, std::ios::app);
  while (true) {
    Pipe out = makePipe();
    Pipe err = makePipe();
    const pid_t pid = start({"amazon-efs-mount-watchdog"}, out.write.get(), err.write.get());
    out.write.reset();
    err.write.reset();
    std::thread copier([&] { copyFirstWords(std::move(out.read), "stdout", events); });
    copyFirstWords(std::move(err.read), "stderr", events);
    copier.join();
    events << "ended with " << (pid < 0 ? 127 : waitFor(pid)) << std::endl;
  }
}

// --- its orphans

std::string firstLine(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

// pid of a zombie with such a name. /proc/PID/stat: "12 (efs-proxy) Z 1 ...".
std::optional<pid_t> deadTunnel(const std::filesystem::directory_entry& entry) {
  const std::string name = entry.path().filename();
  pid_t pid = 0;
  if (std::from_chars(name.data(), name.data() + name.size(), pid).ec != std::errc()) return {};
  const std::string stat = firstLine(entry.path() / "stat");
  const bool tunnel =
      stat.find("efs-proxy") != std::string::npos || stat.find("stunnel") != std::string::npos;
  if (!tunnel || stat.find(") Z ") == std::string::npos) return {};
  return pid;
}

[[noreturn]] void reapTunnels(const sigset_t& child_ended) {
  while (true) {
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator("/proc", error)) {
      if (const auto pid = deadTunnel(entry)) ::waitpid(*pid, nullptr, WNOHANG);
    }
    int signal = 0;
    ::sigwait(&child_ended, &signal);
  }
}

// --- both sides of the socket

sockaddr_un addressOf(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  return address;
}

int serve(const std::string& path, const std::string& events, int threads) {
  sigset_t child_ended;
  ::sigemptyset(&child_ended);
  ::sigaddset(&child_ended, SIGCHLD);
  ::pthread_sigmask(SIG_BLOCK, &child_ended, nullptr);
  for (int i = 0; i < threads; ++i) {
    std::thread([] {
      while (true) ::pause();
    }).detach();
  }
  std::thread([&] { reapTunnels(child_ended); }).detach();
  std::thread([&] { keepWatchdog(events); }).detach();
  const UniqueFd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const auto address = addressOf(path);
  ::unlink(path.c_str());
  if (::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(listener.get(), 64) != 0) {
    std::perror("csi-driver: cannot listen");
    return 1;
  }
  while (true) {
    UniqueFd connection(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (connection.get() < 0) continue;
    std::thread([served = std::move(connection)] { answer(served); }).detach();
  }
}

int ask(const std::string& path, const Words& words) {
  const UniqueFd connection(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const auto address = addressOf(path);
  std::string request;
  for (const auto& word : words) request += word + '\0';
  if (::connect(connection.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) !=
          0 ||
      !writeAll(connection.get(), request)) {
    std::perror("csi-driver: cannot ask the driver");
    return 126;
  }
  ::shutdown(connection.get(), SHUT_WR);
  const std::string reply = readToEnd(connection.get());
  const std::size_t end = reply.rfind('\0');
  int status = 0;
  if (end == std::string::npos ||
      std::from_chars(reply.data() + end + 1, reply.data() + reply.size(), status).ec !=
          std::errc()) {
    std::fputs("csi-driver: the driver ended before it answered\n", stderr);
    return 126;
  }
  std::fwrite(reply.data(), 1, end, stdout);
  return status;
}

}  // namespace

int main(int argc, char** argv) {
  const Words words(argv + 1, argv + argc);
  if (words.size() == 4 && words[0] == "serve") {
    return serve(words[1], words[2], std::atoi(words[3].c_str()));
  }
  if (words.size() > 3 && words[0] == "ask") return ask(words[1], {words.begin() + 2, words.end()});
  std::fputs("usage: csi-driver serve SOCKET EVENTS THREADS | ask SOCKET run|publish WORD...\n",
             stderr);
  return 2;
}
