#include "carry_out/local_denial.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>

namespace efs::mount_helper {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Error denied() { return Error::fromErrno(EPERM, "mounting 127.0.0.1:/ on /mnt"); }

TEST(LocalDenial, NamesWhatForbidsTheMountAndNotThePolicy) {
  const Error capability =
      localDenial(denied(), "Name:\tmount.efs\nCapEff:\t00000000a80425fb\nSeccomp:\t2\n");
  EXPECT_THAT(capability.message(), HasSubstr("no CAP_SYS_ADMIN"));
  EXPECT_THAT(capability.hint(), HasSubstr("privileged"));
  const Error filter = localDenial(denied(), "CapEff:\t000001ffffffffff\nSeccomp:\t2\n");
  EXPECT_THAT(filter.message(), HasSubstr("seccomp"));
  const Error module = localDenial(denied(), "CapEff:\t000001ffffffffff\nSeccomp:\t0\n");
  EXPECT_THAT(module.hint(), HasSubstr("ausearch"));
  for (const Error& error : {capability, filter, module, localDenial(denied(), "")}) {
    EXPECT_EQ(error.kind(), ErrorKind::kPermission);
    EXPECT_THAT(error.message(),
                HasSubstr("mounting 127.0.0.1:/ on /mnt: Operation not permitted"));
    EXPECT_THAT(error.describe(), Not(HasSubstr("policy")));
  }
}

}  // namespace
}  // namespace efs::mount_helper
