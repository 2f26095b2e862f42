// NET-1; entering a namespace needs root.
#include "efs/net/network_namespace.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include "efs/base/subprocess.h"
#include "efs/net/socket.h"
#include "efs/test_support/temp_dir.h"

namespace efs::net {
namespace {

ino_t currentNamespace() {
  struct stat info {};
  return ::stat("/proc/thread-self/ns/net", &info) == 0 ? info.st_ino : 0;
}

// A namespace of its own, held by a child that waits until its pipe is closed.
class OtherNamespace {
 public:
  OtherNamespace() {
    auto ready = makePipe();
    auto stop = makePipe();
    if (!ready || !stop) return;
    auto child = Subprocess::fork([&] {
      stop->write_end.reset();
      const char ok = ::unshare(CLONE_NEWNET) == 0 ? 'y' : 'n';
      (void)!::write(ready->write_end.get(), &ok, 1);
      char end = 0;
      (void)!::read(stop->read_end.get(), &end, 1);
      return 0;
    });
    char ok = 'n';
    (void)!::read(ready->read_end.get(), &ok, 1);
    if (!child || ok != 'y') return;
    child_.emplace(std::move(*child));
    stop_ = std::move(stop->write_end);
  }
  ~OtherNamespace() { leave(); }
  bool exists() const { return child_.has_value(); }
  std::string path() const { return "/proc/" + std::to_string(child_->pid()) + "/ns/net"; }
  // Its process ends; the namespace lives on while something holds it.
  void leave() {
    stop_.reset();
    if (child_) (void)child_->wait(Duration(5000));
    child_.reset();
  }

 private:
  std::optional<Subprocess> child_;
  UniqueFd stop_;
};

TEST(NetworkNamespace, RefusesOtherFiles) {
  const test_support::TempDir dir;
  const auto plain = NetworkNamespace::open(dir.write("file", "x"));
  ASSERT_FALSE(plain);
  EXPECT_NE(plain.error().message().find("is not a network namespace"), std::string::npos);
  EXPECT_FALSE(NetworkNamespace::open("/proc/self/ns/mnt"));
  const auto missing = NetworkNamespace::open("/proc/self/ns/nothing");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().kind(), ErrorKind::kNotFound);
}

TEST(NetworkNamespace, RunsInsideAndComesBack) {
  OtherNamespace other;
  if (!other.exists()) GTEST_SKIP() << "needs root";
  const auto there = NetworkNamespace::open(other.path());
  ASSERT_TRUE(there) << there.error().describe();
  const ino_t home = currentNamespace();
  ino_t inside = 0;
  ASSERT_TRUE(there->run([&inside]() -> Status {
    inside = currentNamespace();
    return {};
  }));
  EXPECT_NE(inside, home);
  EXPECT_EQ(currentNamespace(), home);
  EXPECT_FALSE(there->run([]() -> Status { return Error(ErrorKind::kIo, "x"); }));
  EXPECT_EQ(currentNamespace(), home);
}

// UP-3, ECS: the path of a task that has ended leads nowhere, its listening socket still does.
TEST(NetworkNamespace, IsFoundBySocketWhenItsPathIsGone) {
  OtherNamespace other;
  if (!other.exists()) GTEST_SKIP() << "needs root";
  const auto there = NetworkNamespace::open(other.path());
  ASSERT_TRUE(there);
  ListeningSocket listener;
  ino_t inside = 0;
  ASSERT_TRUE(there->run([&]() -> Status {
    inside = currentNamespace();
    EFS_TRY(made, listenLoopback(0));
    listener = std::move(made);
    return {};
  }));
  other.leave();
  const auto found = NetworkNamespace::ofSocket(listener.fd.get());
  ASSERT_TRUE(found) << found.error().describe();
  ino_t again = 0;
  ASSERT_TRUE(found->run([&again]() -> Status {
    again = currentNamespace();
    return {};
  }));
  EXPECT_EQ(again, inside);
}

}  // namespace
}  // namespace efs::net
