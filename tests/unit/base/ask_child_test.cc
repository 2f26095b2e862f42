#include "efs/base/ask_child.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <csignal>

#include "efs/base/files.h"
#include "efs/base/interrupt.h"
#include "efs/base/text.h"
#include "efs/test_support/temp_dir.h"

namespace efs {
namespace {

constexpr Duration kPatience{10000};
constexpr Duration kShort{100};

int waitForEver(int /*out*/) {
  while (true) ::poll(nullptr, 0, -1);
}

bool ends(int pidfd) {
  pollfd entry{pidfd, POLLIN, 0};
  return ::poll(&entry, 1, static_cast<int>(kPatience.count())) == 1;
}

TEST(AskChild, AnswersWithTextAndExitCode) {
  const auto answer = askChild(kPatience, [](int out) {
    (void)writeAll(out, "all is well", "answer");
    return 7;
  });
  ASSERT_TRUE(answer) << answer.error().message();
  EXPECT_EQ(answer->end, ChildAnswer::End::kExited);
  EXPECT_EQ(answer->status.code, 7);
  EXPECT_EQ(answer->text, "all is well");
  EXPECT_TRUE(answer->exited("asking"));
}

TEST(AskChild, KillsAtTheDeadlineAndKeepsWhatWasSaid) {
  const auto answer = askChild(kShort, [](int out) {
    (void)writeAll(out, "half", "answer");
    return waitForEver(out);
  });
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->end, ChildAnswer::End::kTimedOut);
  EXPECT_EQ(answer->text, "half");
  EXPECT_EQ(answer->exited("asking").error().kind(), ErrorKind::kTimeout);
}

TEST(AskChild, TellsThatTheChildWasKilled) {
  const auto answer = askChild(kPatience, [](int) { return ::raise(SIGKILL); });
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->end, ChildAnswer::End::kKilled);
  EXPECT_EQ(answer->exited("asking").error().message(), "asking: the child was killed by signal 9");
}

TEST(AskChild, CutsALongAnswerInsteadOfWaitingForIt) {
  const auto answer = askChild(kPatience, [](int out) {
    // Never waits for its reader either: what does not fit is refused.
    (void)setNonBlocking(out, true);
    (void)writeAll(out, std::string(2 * kMaxChildAnswer, 'x'), "answer");
    return 0;
  });
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->end, ChildAnswer::End::kExited);
  EXPECT_LE(answer->text.size(), kMaxChildAnswer);
}

TEST(AskChild, HasNoneOfOurDescriptorsButThoseItWasGiven) {
  const test_support::TempDir dir;
  const UniqueFd lost(::open(dir.write("lost", "").c_str(), O_RDONLY | O_CLOEXEC));
  const UniqueFd kept(::open(dir.write("kept", "").c_str(), O_RDONLY | O_CLOEXEC));
  const UniqueFd after(::open(dir.write("after", "").c_str(), O_RDONLY | O_CLOEXEC));
  ChildRules rules;
  rules.kept_fds = {kept.get()};
  const auto held = [](int fd) { return ::fcntl(fd, F_GETFD) >= 0; };
  const auto answer = askChild(
      kPatience,
      [&](int) {
        return (held(lost.get()) ? 1 : 0) + (held(kept.get()) ? 2 : 0) +
               (held(after.get()) ? 4 : 0);
      },
      rules);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status.code, 2);
}

TEST(AskChild, IsInASessionOfItsOwn) {
  const auto answer = askChild(kPatience, [](int) { return ::getsid(0) == ::getpid() ? 0 : 1; });
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status.code, 0);
}

// A sanitizer's report goes there.
TEST(AskChild, KeepsStandardErrorUnlessToldOtherwise) {
  auto pipe = makePipe();
  ASSERT_TRUE(pipe);
  const auto saying = [&](bool keeps_output) {
    const UniqueFd ours(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3));
    ::dup2(pipe->write_end.get(), STDERR_FILENO);
    ChildRules rules;
    rules.keeps_output = keeps_output;
    const auto asked = askChild(
        kPatience, [](int) { return writeAll(STDERR_FILENO, "a report\n", "stderr") ? 0 : 1; },
        rules);
    ::dup2(ours.get(), STDERR_FILENO);
    EXPECT_TRUE(asked && asked->status.code == 0);
  };
  saying(true);
  saying(false);
  pipe->write_end.reset();
  EXPECT_EQ(readAll(pipe->read_end.get(), "pipe").value_or(""), "a report\n");
}

// The pid of the grandchild that a child of ours started by these rules, once the child has died.
UniqueFd orphanOf(const ChildRules& rules) {
  auto pipe = makePipe();
  auto parent = Subprocess::fork([&] {
    const auto work = ChildWork::start(waitForEver, rules);
    if (!work) return 1;
    const UniqueFd held = UniqueFd(::fcntl(work->pidFd(), F_DUPFD, 0));
    const auto info = readFile("/proc/self/fdinfo/" + std::to_string(held.get())).value_or("");
    const auto line = info.find("Pid:");
    (void)writeAll(pipe->write_end.get(), info.substr(line + 4), "pipe");
    return waitForEver(0);
  });
  pipe->write_end.reset();
  std::string text;
  for (char byte = 0; ::read(pipe->read_end.get(), &byte, 1) == 1 && byte != '\n';) text += byte;
  auto held = openPidFd(static_cast<pid_t>(parseInt(trim(text)).value_or(-1)));
  EXPECT_TRUE(held) << text;
  if (parent) parent->killAndReap();
  return held ? std::move(*held) : UniqueFd();
}

TEST(AskChild, EndsWithItsParentUnlessToldOtherwise) {
  const UniqueFd obedient = orphanOf({});
  EXPECT_TRUE(ends(obedient.get())) << "it lives on";
  ChildRules rules;
  rules.ends_with_parent = false;
  const UniqueFd independent = orphanOf(rules);
  pollfd entry{independent.get(), POLLIN, 0};
  EXPECT_EQ(::poll(&entry, 1, static_cast<int>(kShort.count())), 0) << "it ended";
  EXPECT_TRUE(signalPidFd(independent.get(), SIGKILL));
}

// In a child of its own: the wish to stop stays for the life of a process.
TEST(AskChild, HeedsASignalNoticedBeforeOnlyWhereAsked) {
  auto child = Subprocess::fork([] {
    catchInterrupts();
    ::raise(SIGTERM);
    if (interrupted() != SIGTERM) return 1;
    const auto asked = askChild(Duration(500), waitForEver);
    if (!asked || asked->end != ChildAnswer::End::kTimedOut) return 2;
    ChildRules rules;
    rules.heeds_noticed_interrupt = true;
    const auto heeding = askChild(std::nullopt, waitForEver, rules);
    return heeding && heeding->end == ChildAnswer::End::kCancelled ? 0 : 3;
  });
  ASSERT_TRUE(child);
  const auto ended = child->wait(kPatience);
  ASSERT_TRUE(ended && *ended);
  EXPECT_EQ((*ended)->code, 0);
}

}  // namespace
}  // namespace efs
