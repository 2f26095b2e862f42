#include "daemon/metrics_child.h"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <utility>

#include "efs/base/log.h"
#include "efs/base/programs.h"
#include "efs/base/subprocess.h"
#include "efs/base/text.h"

namespace efs::watchdog {
namespace {

constexpr Duration kLongPause{640000};
constexpr Duration kEndPatience{5000};
constexpr std::size_t kLongestLine = 1000;
constexpr int kMostLines = 20;  // of one child
constexpr const char* kMetricsProgram = "efsctl";
// For a group without an address of its own; efsctl status asks there.
constexpr const char* kDefaultSocket = "unix:/run/efsmount/status.sock";

// Beside ourselves, so that both are of one version; else where programs are.
std::string programPath() {
  std::error_code failed;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", failed);
  std::string directories(kProgramDirectories);
  if (!failed) directories = self.parent_path().string() + ":" + directories;
  const std::string found = findProgram(kMetricsProgram, directories);
  return found.empty() ? std::string("/usr/bin/") + kMetricsProgram : found;
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
  announced_ = false;
  pause_ = kFirstPause;
  again_.reset();
  if (pid_ < 0) return start();
  // One that runs is followed by the next when it has ended, so that the address is free. One that
  // stands still reads no end of its input.
  life_.reset();
  again_ = loop_.after(kEndPatience, [this] { (void)::kill(pid_, SIGKILL); });
}

void MetricsChild::start() {
  if (words_.empty()) return;
  const Status spawned = spawn();
  if (spawned) return;
  log::warning("numbers are not served: {}", spawned.error().describe());
  again_ = loop_.after(kFirstPause, [this] { start(); });
}

Status MetricsChild::spawn() {
  EFS_TRY(input, makePipe());
  EFS_TRY(errors, makePipe());
  EFS_CHECK(setNonBlocking(errors.read_end.get(), true));
  SpawnOptions options;
  options.argv = {programPath()};
  options.argv.insert(options.argv.end(), words_.begin(), words_.end());
  options.fds = {{input.read_end.get(), STDIN_FILENO}, {errors.write_end.get(), STDERR_FILENO}};
  EFS_TRY(pid, Subprocess::spawnUnwaited(options));
  pid_ = pid;
  life_ = std::move(input.write_end);
  started_ = loop_.clock().monotonic();
  if (auto watched = supervise(std::move(errors.read_end)); !watched) {
    // Nobody would notice its end.
    (void)::kill(pid_, SIGKILL);
    (void)::waitpid(pid_, nullptr, 0);
    forget();
    return watched;
  }
  if (!std::exchange(announced_, true)) log::info("efsctl serves numbers with PID {}", pid_);
  return {};
}

Status MetricsChild::supervise(UniqueFd words) {
  complaints_ = std::move(words);
  heard_.clear();
  told_ = 0;
  EFS_TRY(ear, loop_.watch(complaints_.get(), EPOLLIN, [this](std::uint32_t) { (void)hear(); }));
  ear_ = std::move(ear);
  EFS_TRY(pidfd, openPidFd(pid_));
  pidfd_ = std::move(pidfd);
  EFS_TRY(watch, loop_.watch(pidfd_.get(), EPOLLIN, [this](std::uint32_t) { ended(); }));
  watch_ = std::move(watch);
  return {};
}

// False: nothing is to be read now.
bool MetricsChild::hear() {
  std::array<char, 4096> part{};
  const ssize_t got = ::read(complaints_.get(), part.data(), part.size());
  if (got < 0 && (errno == EINTR || errno == EAGAIN)) return false;
  if (got <= 0) {
    ear_.reset();
    return false;
  }
  heard_.append(part.data(), static_cast<std::size_t>(got));
  while (true) {
    const auto end = heard_.find('\n');
    if (end == std::string::npos && heard_.size() < kLongestLine) return true;
    const auto line = std::min(end, heard_.size());
    tell(std::string_view(heard_).substr(0, line));
    heard_.erase(0, line + 1);
  }
}

void MetricsChild::tell(std::string_view line) {
  if (++told_ <= kMostLines) log::warning("{}", printable(line, kLongestLine));
}

// Of the child that there was.
void MetricsChild::forget() {
  watch_.reset();
  ear_.reset();
  (void)reap(pid_);
  pidfd_.reset();
  complaints_.reset();
  life_.reset();
  pid_ = -1;
}

void MetricsChild::ended() {
  const bool wanted = life_.valid();
  const Duration lived = std::chrono::duration_cast<Duration>(loop_.clock().monotonic() - started_);
  // Its last words may have come in the same turn.
  while (told_ <= kMostLines && hear()) {
  }
  forget();
  again_.reset();
  if (!wanted) return start();
  if (lived >= kLongPause) pause_ = kFirstPause;
  log::warning("efsctl metrics has ended, it is started again in {} s", pause_.count() / 1000);
  again_ = loop_.after(pause_, [this] { start(); });
  pause_ = std::min(pause_ * 2, kLongPause);
}

}  // namespace efs::watchdog
