#include <gtest/gtest.h>

#include <cerrno>

#include "efs/base/result.h"

namespace efs {
namespace {

TEST(Error, GathersContextFromTheInsideOut) {
  Error error(ErrorKind::kIo, "disk full");
  error.addContext("writing /x").addContext("mounting fs-1");
  EXPECT_EQ(error.message(), "mounting fs-1: writing /x: disk full");
  EXPECT_EQ(error.kind(), ErrorKind::kIo);
  EXPECT_EQ(error.osError(), 0);
}

TEST(Error, KeepsTheHintNearestToTheCause) {
  Error error(ErrorKind::kIo, "m");
  EXPECT_EQ(error.describe(), "m");
  error.addHint("near").addHint("far");
  EXPECT_EQ(error.describe(), "m (near)");
}

TEST(Error, TakesKindAndTextFromErrno) {
  const Error error = Error::fromErrno(EACCES, "opening /x");
  EXPECT_EQ(error.message(), "opening /x: Permission denied");
  EXPECT_EQ(error.kind(), ErrorKind::kPermission);
  EXPECT_EQ(error.osError(), EACCES);
}

TEST(Error, MapsTheErrnoValuesThatCallersReactTo) {
  EXPECT_EQ(kindOfErrno(ENOENT), ErrorKind::kNotFound);
  EXPECT_EQ(kindOfErrno(ETIMEDOUT), ErrorKind::kTimeout);
  EXPECT_EQ(kindOfErrno(ECONNREFUSED), ErrorKind::kRefused);
  EXPECT_EQ(kindOfErrno(ENETUNREACH), ErrorKind::kUnreachable);
  EXPECT_EQ(kindOfErrno(ECONNRESET), ErrorKind::kReset);
  EXPECT_EQ(kindOfErrno(EAGAIN), ErrorKind::kBusy);
  EXPECT_EQ(kindOfErrno(EADDRINUSE), ErrorKind::kBusy);
  EXPECT_EQ(kindOfErrno(EINVAL), ErrorKind::kInvalidInput);
  EXPECT_EQ(kindOfErrno(ENODEV), ErrorKind::kUnsupported);
  EXPECT_EQ(kindOfErrno(ENOSPC), ErrorKind::kIo);
}

Result<int> half(int value) {
  if (value % 2 != 0) return Error(ErrorKind::kInvalidInput, "odd");
  return value / 2;
}
Result<int> quarter(int value) {
  EFS_TRY(once, half(value));
  EFS_TRY(twice, half(once));
  return twice;
}
Status isEven(int value) {
  EFS_CHECK(half(value));
  return {};
}

TEST(Result, PassesValuesAndErrorsOn) {
  EXPECT_EQ(*quarter(12), 3);
  EXPECT_EQ(quarter(6).error().message(), "odd");
  EXPECT_TRUE(isEven(2).has_value());
  EXPECT_EQ(isEven(3).error().kind(), ErrorKind::kInvalidInput);
}

TEST(Result, AddsContextOnlyToErrors) {
  EXPECT_EQ(*half(4).withContext("c"), 2);
  EXPECT_EQ(half(5).withContext("c").withHint("h").error().describe(), "c: odd (h)");
}

}  // namespace
}  // namespace efs
