#include "daemon/metrics_child.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <utility>

#include "efs/base/log.h"
#include "efs/base/programs.h"
#include "efs/base/subprocess.h"

namespace efs::watchdog {
namespace {

constexpr Duration kPause{10000};
constexpr const char* kProgram = "efsctl";
// For a group without an address of its own; efsctl status asks there.
constexpr const char* kDefaultSocket = "unix:/run/efsmount/status.sock";

// Beside ourselves, so that both are of one version; else where programs are.
std::string programPath() {
  std::error_code failed;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", failed);
  std::string directories(kProgramDirectories);
  if (!failed) directories = self.parent_path().string() + ":" + directories;
  const std::string found = findProgram(kProgram, directories);
  return found.empty() ? std::string("/usr/bin/") + kProgram : found;
}

}  // namespace

std::vector<std::string> MetricsChild::wordsFor(const settings::WatchdogSettings& settings) const {
  std::vector<std::string> addresses = settings.metrics_listen;
  const bool local = std::any_of(addresses.begin(), addresses.end(),
                                 [](const auto& text) { return text.starts_with("unix:"); });
  if (!settings.status_group.empty() && !local) addresses.emplace_back(kDefaultSocket);
  if (addresses.empty() || !settings.enabled) return {};
  std::vector<std::string> words = {"metrics", "--until-eof"};
  for (const auto& address : addresses) words.insert(words.end(), {"--listen", address});
  if (!settings.status_group.empty()) words.insert(words.end(), {"--group", settings.status_group});
  words.insert(words.end(), own_words_.begin(), own_words_.end());
  return words;
}

void MetricsChild::configure(const settings::WatchdogSettings& settings) {
  auto words = wordsFor(settings);
  if (words == words_) return;
  words_ = std::move(words);
  told_ = false;
  again_.reset();
  // One that runs is followed by the next when it has ended, so that the address is free.
  life_.reset();
  if (pid_ < 0) start();
}

void MetricsChild::start() {
  if (words_.empty()) return;
  std::array<int, 2> ends{-1, -1};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    again_ = loop_.after(kPause, [this] { start(); });
    return;
  }
  UniqueFd input(ends[0]);
  SpawnOptions options;
  options.argv = {programPath()};
  options.argv.insert(options.argv.end(), words_.begin(), words_.end());
  // What it has to complain about goes where our own complaints go.
  options.fds = {{input.get(), STDIN_FILENO}, {STDERR_FILENO, STDERR_FILENO}};
  const auto pid = Subprocess::spawnUnwaited(options);
  life_ = UniqueFd(ends[1]);
  if (!pid) {
    log::warning("numbers are not served: {}", pid.error().describe());
    again_ = loop_.after(kPause, [this] { start(); });
    return;
  }
  pid_ = *pid;
  auto pidfd = openPidFd(pid_);
  if (pidfd) pidfd_ = std::move(*pidfd);
  auto watch = loop_.watch(pidfd_.get(), EPOLLIN, [this](std::uint32_t) { ended(); });
  if (watch) watch_ = std::move(*watch);
  if (!std::exchange(told_, true)) log::info("efsctl serves numbers with PID {}", pid_);
}

void MetricsChild::ended() {
  const bool wanted = life_.valid();
  (void)reap(pid_);
  watch_.reset();
  pidfd_.reset();
  life_.reset();
  pid_ = -1;
  if (!wanted) return start();
  log::warning(
      "efsctl metrics has ended, it is started again in {} s; it says why on the standard "
      "error of this program",
      kPause.count() / 1000);
  again_ = loop_.after(kPause, [this] { start(); });
}

}  // namespace efs::watchdog
