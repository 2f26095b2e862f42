#include "efs/confine/confinement.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <functional>

#include "efs/base/files.h"
#include "efs/base/subprocess.h"
#include "efs/test_support/temp_dir.h"
#include "parts.h"

namespace efs::confine {
namespace {

constexpr Duration kPatience{20000};

// What cannot be undone is done in a child; 0 where `body` found everything as promised.
int confined(const FilePlan& plan, const std::function<int(const Confinement&)>& body) {
  auto child = Subprocess::fork([&] { return body(confine(plan)); });
  EXPECT_TRUE(child);
  const auto ended = child->wait(kPatience);
  EXPECT_TRUE(ended && *ended);
  return ended && *ended && !(*ended)->signal ? (*ended)->code : -1;
}

std::string ownStatus(const std::string& key) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.rfind(key + ":", 0) == 0)
      return line.substr(line.find_first_not_of(" \t", key.size() + 1));
  }
  return {};
}

TEST(Confinement, LeavesNoCapability) {
  EXPECT_EQ(confined({{"/proc"}, {}},
                     [](const Confinement& made) {
                       if (!made.capabilities) return 1;
                       for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapAmb"}) {
                         if (ownStatus(set) != "0000000000000000") return 2;
                       }
                       return ownStatus("NoNewPrivs") == "1" ? 0 : 3;
                     }),
            0);
}

TEST(Confinement, RefusesACallThatIsNotOnTheListAndTellsItsNameOnce) {
  if (confined({}, [](const Confinement& made) { return made.calls ? 0 : 1; }) != 0)
    GTEST_SKIP() << "no seccomp here, or a sanitizer";
  EXPECT_EQ(confined({},
                     [](const Confinement&) {
                       if (!takeRefusedCalls().empty()) return 1;
                       for (int i = 0; i < 2; ++i) {
                         errno = 0;
                         if (::personality(0xffffffff) != -1 || errno != ENOSYS) return 2;
                       }
                       if (::syscall(SYS_ptrace, PTRACE_TRACEME, 0, 0, 0) != -1) return 3;
                       const auto names = takeRefusedCalls();
                       if (names.size() != 2) return 4;
                       const bool both = (names[0] == "personality" && names[1] == "ptrace") ||
                                         (names[1] == "personality" && names[0] == "ptrace");
                       if (!both) return 5;
                       (void)::personality(0xffffffff);
                       return takeRefusedCalls().empty() ? 0 : 6;
                     }),
            0);
}

TEST(Confinement, StartsNoProgramAndMakesNoProcess) {
  if (confined({}, [](const Confinement& made) { return made.calls ? 0 : 1; }) != 0)
    GTEST_SKIP() << "no seccomp here, or a sanitizer";
  EXPECT_EQ(confined({},
                     [](const Confinement&) {
                       char* const nothing[] = {nullptr};
                       if (::execve("/bin/true", nothing, nothing) != -1 || errno != ENOSYS)
                         return 1;
                       return ::fork() == -1 && errno == ENOSYS ? 0 : 2;
                     }),
            0);
}

TEST(Confinement, GoesOnWithSockets) {
  EXPECT_EQ(confined({},
                     [](const Confinement&) {
                       int pair[2];
                       if (::socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0) return 1;
                       char byte = 'x';
                       if (::send(pair[0], &byte, 1, 0) != 1) return 2;
                       return ::recv(pair[1], &byte, 1, 0) == 1 ? 0 : 3;
                     }),
            0);
}

class OfFiles : public testing::Test {
 protected:
  void SetUp() override {
    if (confined({}, [](const Confinement& made) { return made.files ? 0 : 1; }) != 0)
      GTEST_SKIP() << "this kernel has no Landlock";
  }
  const test_support::TempDir directory_;
  std::string path(const std::string& name) const { return directory_.at(name); }
};

TEST_F(OfFiles, ReadsAndWritesWhatIsPlannedAndNothingElse) {
  for (const char* name : {"read", "write", "other"}) {
    ASSERT_TRUE(makeDirectories(path(name), 0700));
    ASSERT_TRUE(writeFileAtomic(path(std::string(name) + "/file"), "text"));
  }
  const FilePlan plan{{path("read"), path("is-not-there")}, {path("write")}};
  EXPECT_EQ(confined(plan,
                     [&](const Confinement&) {
                       if (!readFile(path("read/file"))) return 1;
                       if (writeFileAtomic(path("read/new"), "x")) return 2;
                       if (!writeFileAtomic(path("write/new"), "x")) return 3;
                       if (!removeFile(path("write/file"))) return 4;
                       return readFile(path("other/file")) ? 5 : 0;
                     }),
            0);
}

TEST_F(OfFiles, ReadsWhatIsPutInThePlaceOfAPlannedDirectorysFile) {
  ASSERT_TRUE(makeDirectories(path("read"), 0700));
  EXPECT_EQ(confined({{}, {directory_.path()}},
                     [&](const Confinement&) {
                       if (!writeFileAtomic(path("read/certificate"), "new")) return 1;
                       return readFile(path("read/certificate")) == std::string("new") ? 0 : 2;
                     }),
            0);
}

TEST(SyscallName, KnowsTheNamesOfThisMachine) {
  EXPECT_EQ(syscallName(SYS_openat), "openat");
  EXPECT_EQ(syscallName(SYS_execve), "execve");
  EXPECT_EQ(syscallName(99999), "number 99999");
}

TEST(ConfinementInWords, SaysWhatIsInForce) {
  Confinement made;
  EXPECT_EQ(made.describe(), "nothing");
  made.capabilities = made.calls = true;
  EXPECT_EQ(made.describe(),
            "no capabilities, " + std::to_string(allowedCalls()) + " system calls");
}

}  // namespace
}  // namespace efs::confine
