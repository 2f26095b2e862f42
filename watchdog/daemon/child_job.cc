#include "daemon/child_job.h"

#include <signal.h>
#include <unistd.h>

#include "efs/base/files.h"
#include "efs/base/log.h"
#include "efs/base/text.h"

namespace efs::watchdog {
namespace {

constexpr std::size_t kMaxAnswer = 4096;  // fits into a pipe: the child never waits for its reader
constexpr std::string_view kOk = "+";

std::string encode(const Result<std::string>& answer) {
  if (answer) return std::string(kOk) + answer->substr(0, kMaxAnswer - 1);
  const auto kind = static_cast<int>(answer.error().kind());
  return std::to_string(kind) + " " + printable(answer.error().describe(), kMaxAnswer - 16);
}

Result<std::string> decode(const std::string& text) {
  if (text.substr(0, kOk.size()) == kOk) return text.substr(kOk.size());
  const std::size_t blank = text.find(' ');
  const auto kind = parseInt(text.substr(0, blank));
  // Only our own child writes here; a child that died early wrote nothing.
  if (!kind || blank == std::string::npos || *kind < 0 ||
      *kind > static_cast<int>(ErrorKind::kInternal)) {
    return Error(ErrorKind::kInternal, "the child ended without an answer");
  }
  return Error(static_cast<ErrorKind>(*kind), text.substr(blank + 1));
}

}  // namespace

Result<ChildJob> ChildJob::start(unsigned deadline_s, const Body& body, Life life) {
  ChildRules rules;
  rules.ends_with_parent = life == Life::kOurs;
  const auto work = [&](int out) {
    ::alarm(deadline_s);
    log::setLevel(log::Level::kOff);  // trouble is in the answer
    return writeAll(out, encode(body()), "the answer") ? 0 : 1;
  };
  EFS_TRY(child, ChildWork::start(work, rules));
  return ChildJob(std::move(child), deadline_s);
}

Result<std::string> ChildJob::finish() {
  EFS_TRY(status, child_.wait(Duration(0)));
  if (!status) return Error(ErrorKind::kInternal, "the child has not ended");
  if (status->signal == SIGALRM) {
    return Error(ErrorKind::kTimeout, "no answer within " + std::to_string(deadline_s_) + " s");
  }
  if (status->code != 0) return Error(ErrorKind::kInternal, "the child " + status->describe());
  return decode(child_.answer());
}

}  // namespace efs::watchdog
