#include "efs/base/unique_fd.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>

namespace efs {
namespace {

bool isOpen(int fd) { return ::fcntl(fd, F_GETFD) != -1; }

TEST(UniqueFd, ClosesWhatItOwns) {
  UniqueFd fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const int number = fd.get();
  ASSERT_TRUE(isOpen(number));
  UniqueFd moved(std::move(fd));
  EXPECT_FALSE(fd.valid());  // NOLINT(bugprone-use-after-move): that is the point
  EXPECT_TRUE(isOpen(number));
  moved.reset();
  EXPECT_FALSE(isOpen(number));
}

TEST(UniqueFd, GivesOwnershipAway) {
  UniqueFd fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const UniqueFd second(fd.release());
  EXPECT_FALSE(fd.valid());
  EXPECT_TRUE(isOpen(second.get()));
}

TEST(UniqueFd, DuplicatesWithCloseOnExec) {
  const UniqueFd fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const auto copy = fd.duplicate();
  ASSERT_TRUE(copy.has_value());
  EXPECT_NE(copy->get(), fd.get());
  EXPECT_EQ(::fcntl(copy->get(), F_GETFD), FD_CLOEXEC);
  EXPECT_FALSE(UniqueFd().duplicate().has_value());
}

TEST(Pipe, IsCloseOnExecAndCanBeMadeNonBlocking) {
  const auto pipe = makePipe();
  ASSERT_TRUE(pipe.has_value());
  EXPECT_EQ(::fcntl(pipe->read_end.get(), F_GETFD), FD_CLOEXEC);
  ASSERT_TRUE(setNonBlocking(pipe->read_end.get(), true).has_value());
  char byte = 0;
  EXPECT_EQ(::read(pipe->read_end.get(), &byte, 1), -1);
  EXPECT_EQ(errno, EAGAIN);
  ASSERT_TRUE(setNonBlocking(pipe->read_end.get(), false).has_value());
  EXPECT_EQ(::fcntl(pipe->read_end.get(), F_GETFL) & O_NONBLOCK, 0);
  EXPECT_FALSE(setNonBlocking(-1, true).has_value());
}

}  // namespace
}  // namespace efs
