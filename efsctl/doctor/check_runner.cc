#include "doctor/check_runner.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <optional>
#include <set>
#include <utility>

#include "efs/base/files.h"
#include "efs/base/subprocess.h"
#include "efs/base/unique_fd.h"
#include "efs/base/wait.h"

namespace efs::efsctl {
namespace {

// One check under way.
class Running {
 public:
  static Running start(const Check& check, const Clock& clock, MonoTime begun) {
    Running running(check);
    std::array<int, 2> ends{-1, -1};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
      running.addOwn("no pipe for it: " + errnoText(errno));
      return running;
    }
    running.fd_ = UniqueFd(ends[0]);
    UniqueFd writer(ends[1]);
    auto child = Subprocess::fork([&] {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      ::signal(SIGPIPE, SIG_IGN);
      Reporter reporter(writer.get(), clock, begun, check.target);
      reporter.begin(check.name);
      check.body(reporter);
      reporter.end();
      return 0;
    });
    if (child) {
      running.child_ = std::move(*child);
    } else {
      running.addOwn(child.error().describe());
    }
    return running;
  }

  bool open() const { return fd_.valid(); }
  int fd() const { return fd_.get(); }
  std::vector<Finding> take() { return std::move(findings_); }

  // Reads what there is.
  void read(const std::function<void(const Finding&)>& progress) {
    std::array<char, 8192> chunk{};
    const ssize_t got = ::read(fd_.get(), chunk.data(), chunk.size());
    if (got < 0 && errno == EINTR) return;
    if (got <= 0) {
      if (!ended_) addOwn("its check came to an unexpected end");
      return finish();
    }
    text_.append(chunk.data(), static_cast<std::size_t>(got));
    for (auto end = text_.find('\n'); end != std::string::npos; end = text_.find('\n')) {
      takeWord(text_.substr(0, end), progress);
      text_.erase(0, end + 1);
    }
    if (ended_) finish();
  }

  void giveUp(Duration limit) {
    const std::string time = std::to_string(limit.count() / 1000) + " s";
    const std::string seen = "no answer within " + time;
    if (working_) {
      findings_.push_back(
          {step_, Verdict::kWarn, "not done within " + time + ": this host has too much to do",
           "ask again when it has less; what comes after this step was not looked at", Duration(0),
           target_});
    } else if (vital_) {
      addOwn(seen);
    } else {
      findings_.push_back({step_, Verdict::kSkip, seen, "", Duration(0), target_});
    }
    finish();
  }

 private:
  explicit Running(const Check& check)
      : target_(check.target), step_(check.name), vital_(check.vital) {}

  void addOwn(const std::string& seen) {
    findings_.push_back({step_, Verdict::kFail, seen,
                         "something that this step asks (a server, a file system) is silent",
                         Duration(0), target_});
  }

  void takeWord(const std::string& line, const std::function<void(const Finding&)>& progress) {
    const auto word = CheckWord::decode(line);
    if (!word) return;
    switch (word->kind) {
      case CheckWord::Kind::kBegins:
        step_ = word->finding.step;
        working_ = word->work;
        return;
      case CheckWord::Kind::kProcess:
        if (word->pid > 1) owned_.insert(word->pid);
        return;
      case CheckWord::Kind::kEnd:
        ended_ = true;
        return;
      case CheckWord::Kind::kFinding:
        findings_.push_back(word->finding);
        if (progress) progress(findings_.back());
    }
  }

  // Kills what is left, but waits for nothing: a process in the kernel's hands ends when it can.
  void finish() {
    fd_.reset();
    if (!ended_) {
      for (const int pid : owned_) ::kill(-pid, SIGKILL);
    }
    if (child_) (void)child_->signal(SIGKILL);
    if (child_) (void)reap(child_->pid());
  }

  std::string target_;
  std::string step_;
  bool vital_;
  bool working_ = false;
  UniqueFd fd_;
  std::optional<Subprocess> child_;
  std::string text_;  // an incomplete line
  std::vector<Finding> findings_;
  std::set<int> owned_;
  bool ended_ = false;
};

}  // namespace

Reporter::Reporter(int fd, const Clock& clock, MonoTime begun, std::string target)
    : fd_(fd), clock_(clock), begun_(begun), target_(std::move(target)) {}

void Reporter::begin(std::string step) { tellBegin(std::move(step), false); }

void Reporter::beginWork(std::string step) { tellBegin(std::move(step), true); }

void Reporter::tellBegin(std::string step, bool work) {
  step_ = std::move(step);
  CheckWord word;
  word.kind = CheckWord::Kind::kBegins;
  word.finding.step = step_;
  word.work = work;
  (void)writeAll(fd_, word.encode(), "the doctor's pipe");
}

void Reporter::pass(std::string seen) {
  tell(CheckWord::Kind::kFinding, Verdict::kPass, std::move(seen), {});
}

void Reporter::skip(std::string seen) {
  tell(CheckWord::Kind::kFinding, Verdict::kSkip, std::move(seen), {});
}

void Reporter::warn(std::string seen, std::string todo) {
  tell(CheckWord::Kind::kFinding, Verdict::kWarn, std::move(seen), std::move(todo));
}

void Reporter::fail(std::string seen, std::string todo) {
  tell(CheckWord::Kind::kFinding, Verdict::kFail, std::move(seen), std::move(todo));
}

void Reporter::owns(int pid) {
  CheckWord word;
  word.kind = CheckWord::Kind::kProcess;
  word.pid = pid;
  (void)writeAll(fd_, word.encode(), "the doctor's pipe");
}

void Reporter::end() { tell(CheckWord::Kind::kEnd, Verdict::kPass, {}, {}); }

void Reporter::tell(CheckWord::Kind kind, Verdict verdict, std::string seen, std::string todo) {
  CheckWord word;
  word.kind = kind;
  const auto at = std::chrono::duration_cast<Duration>(clock_.monotonic() - begun_);
  word.finding = {step_, verdict, std::move(seen), std::move(todo), at, target_};
  (void)writeAll(fd_, word.encode(), "the doctor's pipe");
}

std::vector<Finding> runChecks(const std::vector<Check>& checks, const Clock& clock, Duration limit,
                               const std::function<void(const Finding&)>& progress) {
  const MonoTime begun = clock.monotonic();
  const Deadline deadline(clock, limit);
  std::vector<Running> running;
  running.reserve(checks.size());
  for (const auto& check : checks) running.push_back(Running::start(check, clock, begun));
  while (!deadline.passed()) {
    std::vector<pollfd> entries;
    std::vector<Running*> asked;
    for (auto& one : running) {
      if (!one.open()) continue;
      entries.push_back({one.fd(), POLLIN, 0});
      asked.push_back(&one);
    }
    if (entries.empty()) break;
    if (!pollReady(entries.data(), entries.size(), deadline.left())) break;
    for (std::size_t i = 0; i < entries.size(); ++i) {
      if (entries[i].revents != 0) asked[i]->read(progress);
    }
  }
  std::vector<Finding> findings;
  for (auto& one : running) {
    if (one.open()) one.giveUp(limit);
    for (auto& finding : one.take()) findings.push_back(std::move(finding));
  }
  return findings;
}

}  // namespace efs::efsctl
