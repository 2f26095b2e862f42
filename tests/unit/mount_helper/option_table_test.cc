#include "request/option_table.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "request/command_line.h"
#include "request/option_spelling.h"

namespace efs::mount_helper {
namespace {

// A value whose form is right, for the options that want one.
std::string valueFor(const OptionRow& row) {
  static const std::map<std::string_view, std::string> kValues = {
      {"cafile", "/dev/null"},        {"accesspoint", "fsap-0123456789abcdef0"},
      {"mounttargetip", "10.0.0.1"},  {"region", "us-east-1"},
      {"netns", "/proc/self/ns/net"}, {"fsid", "fs-0123abcd"},
  };
  if (row.kind == ValueKind::kInteger) return std::to_string(row.highest);
  if (row.kind == ValueKind::kUrlPath) return "/x";
  const auto found = kValues.find(row.name);
  return found == kValues.end() ? "x" : found->second;
}

std::string word(const OptionRow& row) {
  std::string text(row.name);
  if (row.kind != ValueKind::kNone) text += "=" + valueFor(row);
  return text;
}

// With what it needs, and what that needs.
std::string withItsNeeds(const OptionRow& row) {
  const OptionRow* needed = findOption(row.needs.name);
  return needed == nullptr ? word(row) : withItsNeeds(*needed) + "," + word(row);
}

constexpr FileSystemKind kEfs = FileSystemKind::kEfs;
constexpr FileSystemKind kS3Files = FileSystemKind::kS3Files;

Result<MountRequest> request(const std::string& options, FileSystemKind kind = kEfs) {
  CommandLine command;
  command.kind = kind;
  command.device = "fs-0123abcd:/";
  command.mountpoint = "/mnt";
  command.options = options;
  return makeMountRequest(command);
}

std::string refusal(const std::string& options, FileSystemKind kind = kEfs) {
  const auto made = request(options, kind);
  return made ? "accepted: " + options : made.error().message();
}

TEST(OptionTable, NamesEachOptionOnceAndSaysWhatItIs) {
  std::set<std::string_view> names;
  for (const OptionRow& row : optionTable()) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    EXPECT_FALSE(row.help.empty()) << row.name;
    EXPECT_EQ(row.value.empty(), row.kind == ValueKind::kNone) << row.name;
    const auto is = [&row](Service service) {
      return row.serviceFor(kEfs) == service || row.serviceFor(kS3Files) == service;
    };
    EXPECT_EQ(row.refusal_hint.empty(), !is(Service::kRefused)) << row.name;
    EXPECT_EQ(row.put != nullptr, is(Service::kServed)) << row.name;
  }
}

// OPT-4: nothing of ours reaches the kernel. Section 21: what S3 Files refuses.
TEST(OptionTable, EachOptionIsTakenOrRefused) {
  for (const FileSystemKind kind : {kEfs, kS3Files}) {
    for (const OptionRow& row : optionTable()) {
      const auto made = request(withItsNeeds(row) + ",noatime", kind);
      if (row.serviceFor(kind) == Service::kRefused) {
        ASSERT_FALSE(made) << row.name;
        EXPECT_EQ(made.error().message(),
                  "Unsupported mount options detected: \"" + std::string(row.name) + "\"");
        EXPECT_EQ(made.error().hint(), row.refusal_hint);
      } else {
        ASSERT_TRUE(made) << row.name << ": " << made.error().describe();
        EXPECT_EQ(made->nfs_options.text(), "noatime") << row.name;
      }
    }
  }
}

// Section 21
TEST(OptionTable, S3FilesRefusesWhatEfsUtilsRefusesAllInOneSentence) {
  EXPECT_EQ(refusal("stunnel,az=x,ro,crossaccount,notls", kS3Files),
            "Unsupported mount options detected: \"notls\", \"stunnel\", \"az\", \"crossaccount\"");
  EXPECT_EQ(refusal("azid=use1-az1"), "Unsupported mount options detected: \"azid\"");
}

TEST(OptionTable, EachRuleBetweenOptionsIsKept) {
  for (const OptionRow& row : optionTable()) {
    if (!row.needs.name.empty()) {
      EXPECT_EQ(refusal(word(row)), row.needs.error);
    }
    if (row.excludes.name.empty()) continue;
    const OptionRow* other = findOption(row.excludes.name);
    const std::string both =
        (other == nullptr ? std::string(row.excludes.name) : withItsNeeds(*other)) + "," +
        withItsNeeds(row);
    EXPECT_EQ(refusal(both), row.excludes.error) << both;
  }
}

TEST(OptionTable, EachValueIsLookedAt) {
  for (const OptionRow& row : optionTable()) {
    if (row.serviceFor(kEfs) != Service::kServed || row.kind == ValueKind::kNone) continue;
    const std::string all = withItsNeeds(row);
    const std::string empty = all.substr(0, all.size() - valueFor(row).size());
    EXPECT_NE(refusal(empty).find(row.name), std::string::npos) << refusal(empty);
    if (row.kind == ValueKind::kInteger) {
      EXPECT_NE(refusal(empty + std::to_string(row.highest + 1)).find("is not an integer"),
                std::string::npos);
      EXPECT_NE(refusal(empty + std::to_string(row.lowest - 1)).find("is not an integer"),
                std::string::npos);
    }
  }
}

TEST(OptionTable, AMistypedOptionIsGuessedAndARefusedOneNeverProposed) {
  for (const OptionRow& row : optionTable()) {
    const auto hint = spellingHint(mounts::OptionList::parse(std::string(row.name) + "s"));
    const bool proposed = hint.find("\"" + std::string(row.name) + "\"?") != std::string::npos;
    // Two letters are too few to guess by.
    EXPECT_EQ(proposed, row.serviceFor(kEfs) != Service::kRefused && row.name.size() > 2)
        << row.name << hint;
  }
}

// A flag is on where it stands: one that says no would do the opposite of what is meant.
TEST(OptionTable, RefusesAFlagThatSaysNo) {
  for (const OptionRow& row : optionTable()) {
    if (row.kind != ValueKind::kNone || row.serviceFor(kEfs) == Service::kRefused) continue;
    for (const char* no : {"false", "No", "off", "0"}) {
      MountRequest request;
      request.nfs_options = mounts::OptionList::parse(std::string(row.name) + "=" + no);
      const auto taken = takeOptions(request);
      ASSERT_FALSE(taken.has_value()) << row.name << "=" << no;
      EXPECT_EQ(taken.error().message(), "mount option " + std::string(row.name) + "=" + no +
                                             " would turn " + std::string(row.name) + " on");
    }
    MountRequest request;
    request.nfs_options = mounts::OptionList::parse(std::string(row.name) + "=true");
    EXPECT_TRUE(takeOptions(request).has_value()) << row.name;
  }
}

}  // namespace
}  // namespace efs::mount_helper
