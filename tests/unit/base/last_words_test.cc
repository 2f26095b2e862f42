#include "efs/base/last_words.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <functional>
#include <new>
#include <stdexcept>
#include <string>

#include "efs/base/files.h"
#include "efs/base/log.h"
#include "efs/base/process_start.h"
#include "efs/base/subprocess.h"
#include "efs/test_support/temp_dir.h"

namespace efs {
namespace {

using ::testing::HasSubstr;

class LastWords : public ::testing::Test {
 protected:
  // A program that starts as ours do and then meets what it cannot handle.
  ExitStatus endOf(ProcessKind kind, const std::function<void()>& fault) {
    auto child = Subprocess::fork([this, kind, &fault] {
      const int error = ::open(path("stderr").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
      if (error < 0 || ::dup2(error, STDERR_FILENO) < 0) return 99;
      settleProcess(kind);
      if (!log::open({.path = path("log")})) return 98;
      [&fault]() noexcept { fault(); }();
      return 0;
    });
    if (!child) return {};
    const auto ended = child->wait(Duration(10000));
    return ended && *ended ? **ended : ExitStatus{};
  }
  std::string path(const std::string& name) const { return directory_.path() + "/" + name; }
  std::string text(const std::string& name) const { return test_support::contentOf(path(name)); }

  test_support::TempDir directory_;
};

TEST_F(LastWords, OfADaemonWithoutMemoryAreInItsLog) {
  const ExitStatus end = endOf(ProcessKind::kDaemon, [] { throw std::bad_alloc(); });
  EXPECT_EQ(end.signal, SIGABRT);
  EXPECT_THAT(text("log"), HasSubstr("out of memory"));
  EXPECT_THAT(text("stderr"), HasSubstr("fatal: out of memory"));
}

TEST_F(LastWords, OfAToolWithoutMemoryAreAnExitCode) {
  const ExitStatus end = endOf(ProcessKind::kTool, [] { throw std::bad_alloc(); });
  EXPECT_EQ(end.code, 2);
  EXPECT_THAT(text("stderr"), HasSubstr("fatal: out of memory"));
}

TEST_F(LastWords, NameAFaultOfTheProgram) {
  const ExitStatus end =
      endOf(ProcessKind::kTool, [] { throw std::runtime_error("seven is no colour"); });
  EXPECT_EQ(end.signal, SIGABRT);
  EXPECT_THAT(text("log"), HasSubstr("seven is no colour, which is a fault of the program"));
}

}  // namespace
}  // namespace efs
