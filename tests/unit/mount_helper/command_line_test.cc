#include "request/command_line.h"

#include <gtest/gtest.h>

#include "request/help_text.h"
#include "request/option_table.h"

namespace efs::mount_helper {
namespace {

using Action = CommandLine::Action;

CommandLine parsed(const std::vector<std::string>& argv) {
  auto command = parseCommandLine(argv);
  EXPECT_TRUE(command) << command.error().describe();
  return command ? *command : CommandLine{};
}

// CLI-2
TEST(CommandLine, TakesDeviceAndMountPointFromTheFirstTwoWords) {
  const auto command = parsed({"/sbin/mount.efs", "fs-1:/x", "/mnt/a b", "-o", "tls,iam"});
  EXPECT_EQ(command.action, Action::kMount);
  EXPECT_EQ(command.device, "fs-1:/x");
  EXPECT_EQ(command.mountpoint, "/mnt/a b");
  EXPECT_EQ(command.options, "tls,iam");
  EXPECT_FALSE(command.fake);
}

// CLI-3
TEST(CommandLine, RefusesOptionsThatWouldBeLost) {
  const auto refusal = [](const std::vector<std::string>& words) {
    std::vector<std::string> argv{"m", "fs-1", "/mnt"};
    argv.insert(argv.end(), words.begin(), words.end());
    const auto command = parseCommandLine(argv);
    return command ? "options " + command->options : command.error().message();
  };
  EXPECT_EQ(refusal({"-n", "-o", "tls", "-o", "ro"}), "a second -o");
  EXPECT_EQ(refusal({"-otls"}), "\"-otls\" is not understood");
  EXPECT_EQ(refusal({"--options", "tls"}), "\"--options\" is not understood");
  EXPECT_EQ(refusal({"--options=tls"}), "\"--options=tls\" is not understood");
  // Values are no words of their own.
  EXPECT_EQ(refusal({"-N", "-o", "-o", "-otls"}), "options -otls");
}

// CLI-3
TEST(CommandLine, IgnoresADashOWithoutAWordAfterIt) {
  EXPECT_EQ(parsed({"m", "fs-1", "/mnt", "-o"}).options, "");
}

// CLI-4
TEST(CommandLine, FindsFakeAnywhereAfterTheMountPoint) {
  EXPECT_TRUE(parsed({"m", "fs-1", "/mnt", "-o", "tls", "-f"}).fake);
  EXPECT_TRUE(parsed({"m", "fs-1", "/mnt", "-f"}).fake);
}

// CLI-5
// CLI-8
TEST(CommandLine, FindsVerboseAnywhereAfterTheMountPoint) {
  EXPECT_TRUE(parsed({"m", "fs-1", "/mnt", "-f", "-v", "-o", "rw"}).verbose);
  EXPECT_FALSE(parsed({"m", "fs-1", "/mnt", "-f"}).verbose);
}

TEST(CommandLine, HelpWinsOverVersionAndBothOverEverythingElse) {
  EXPECT_EQ(parsed({"m", "--version", "-h"}).action, Action::kHelp);
  EXPECT_EQ(parsed({"m", "fs-1", "/mnt", "--help"}).action, Action::kHelp);
  EXPECT_EQ(parsed({"m", "--version"}).action, Action::kVersion);
}

// CLI-5: what scripts parse
TEST(CommandLine, VersionIsOneLineBeginningWithTheContractsForm) {
  const std::string text = versionText("/sbin/mount.efs");
  EXPECT_EQ(text.rfind("/sbin/mount.efs Version: 3.2.0", 0), 0U);
  EXPECT_EQ(text.find('\n'), text.size() - 1);
}

// CLI-6
TEST(CommandLine, NamesWhatIsMissing) {
  EXPECT_EQ(parseCommandLine({"m"}).error().message(), "file system and mount point are missing");
  EXPECT_EQ(parseCommandLine({"m", "fs-1"}).error().message(), "mount point is missing");
  EXPECT_NE(usageText("m").find("-o <options>"), std::string::npos);
}

// OPT-5
TEST(CommandLine, HelpListsEachOptionAndWhatItNeeds) {
  const std::string text = helpText("m");
  EXPECT_EQ(text.rfind(usageText("m"), 0), 0U);
  for (const OptionRow& row : optionTable()) {
    EXPECT_NE(text.find("\n  " + optionSyntax(row) + "  "), std::string::npos) << row.name;
  }
  EXPECT_NE(text.find("\n  verify=<0-4>  "), std::string::npos) << text;
  EXPECT_NE(text.find("; needs iam; not with awsprofile\n"), std::string::npos) << text;
  EXPECT_GT(text.find("\n  azid=<id> "), text.find("Refused by this version:")) << text;
}

// CLI-1, section 21: one program, by the name it is called by
TEST(CommandLine, TheNameOfTheProgramTellsTheKind) {
  EXPECT_EQ(parsed({"/sbin/mount.s3files", "fs-1", "/mnt"}).kind, FileSystemKind::kS3Files);
  EXPECT_EQ(parsed({"mount.s3files", "fs-1", "/mnt"}).kind, FileSystemKind::kS3Files);
  EXPECT_EQ(parsed({"/s3files/mount.efs", "fs-1", "/mnt"}).kind, FileSystemKind::kEfs);
  EXPECT_EQ(parsed({"m", "fs-1", "/mnt"}).kind, FileSystemKind::kEfs);
  const std::string text = helpText("/sbin/mount.s3files");
  EXPECT_NE(text.find("`mount -t s3files`"), std::string::npos) << text;
  EXPECT_LT(text.find("\n  azid=<id> "), text.find("Refused by this version:")) << text;
  EXPECT_GT(text.find("\n  crossaccount "), text.find("Refused by this version:")) << text;
}

// CLI-8
TEST(CommandLine, IgnoresWordsThatMountPassesToEveryHelper) {
  const auto command = parsed({"m", "fs-1", "/mnt", "-s", "-v", "-n", "-o", "rw,_netdev"});
  EXPECT_EQ(command.options, "rw,_netdev");
  EXPECT_EQ(command.mount_namespace, "");
}

// CLI-8
TEST(CommandLine, KnowsWhenTheMountBelongsIntoAnotherNamespace) {
  EXPECT_EQ(parsed({"m", "fs-1", "/mnt", "-N", "/proc/1/fd/4", "-o", "rw"}).mount_namespace,
            "/proc/1/fd/4");
}

}  // namespace
}  // namespace efs::mount_helper
