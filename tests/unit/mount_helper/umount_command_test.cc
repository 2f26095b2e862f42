#include "umount/umount_command.h"

#include <gtest/gtest.h>

namespace efs::mount_helper {
namespace {

using Action = UmountCommand::Action;

UmountCommand parsed(const std::vector<std::string>& argv) {
  auto command = parseUmountCommand(argv);
  EXPECT_TRUE(command) << command.error().describe();
  return command ? *command : UmountCommand{};
}

// What libmount 2.38 was seen to pass.
TEST(UmountCommand, TakesTheWordsOfUmount) {
  const auto all = parsed({"/sbin/umount.efs", "/mnt/a b", "-n", "-l", "-f", "-v", "-r", "-t",
                           "nfs4", "-N", "/proc/1/fd/4"});
  EXPECT_EQ(all.action, Action::kUnmount);
  EXPECT_EQ(all.target, "/mnt/a b");
  EXPECT_TRUE(all.keep_table && all.lazy && all.force && all.verbose && all.read_only);
  EXPECT_EQ(all.mount_namespace, "/proc/1/fd/4");
  const auto none = parsed({"umount.efs", "/mnt"});
  EXPECT_FALSE(none.keep_table || none.lazy || none.force || none.verbose || none.read_only);
  EXPECT_EQ(none.mount_namespace, "");
}

TEST(UmountCommand, TakesTheWordsOfPeople) {
  const auto command = parsed({"umount.efs", "-fl", "-N123", "--", "-odd name"});
  EXPECT_TRUE(command.force && command.lazy);
  EXPECT_EQ(command.mount_namespace, "123");
  EXPECT_EQ(command.target, "-odd name");
}

TEST(UmountCommand, HelpWinsOverVersionAndBothOverEverythingElse) {
  EXPECT_EQ(parsed({"u", "--version", "-x", "-h"}).action, Action::kHelp);
  EXPECT_EQ(parsed({"u", "/mnt", "--help"}).action, Action::kHelp);
  EXPECT_EQ(parsed({"u", "-V"}).action, Action::kVersion);
}

TEST(UmountCommand, NamesWhatIsWrong) {
  EXPECT_EQ(parseUmountCommand({"u"}).error().message(), "mount point is missing");
  EXPECT_EQ(parseUmountCommand({}).error().message(), "mount point is missing");
  EXPECT_EQ(parseUmountCommand({"u", ""}).error().message(), "the mount point is empty");
  EXPECT_EQ(parseUmountCommand({"u", "/a", "/b"}).error().message(), "more than one mount point");
  EXPECT_EQ(parseUmountCommand({"u", "-x", "/a"}).error().message(), "unknown option -x");
  EXPECT_EQ(parseUmountCommand({"u", "--all"}).error().message(), "unknown option --all");
  EXPECT_EQ(parseUmountCommand({"u", "/a", "-N"}).error().message(), "option -N needs a value");
}

}  // namespace
}  // namespace efs::mount_helper
