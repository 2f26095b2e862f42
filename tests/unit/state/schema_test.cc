// State files of older and newer versions: read without harm, written without loss (contract
// section 14 and 24). The files are those of tests/data/state.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "efs/base/files.h"
#include "efs/state/mount_state.h"

namespace efs::state {
namespace {

using Json = nlohmann::ordered_json;

std::string fileText(const std::string& name) {
  return readFile(std::string(EFS_TEST_DATA) + "/state/" + name).value_or("");
}

MountState read(const std::string& text) {
  auto state = MountState::parse(text, "x");
  EXPECT_TRUE(state) << state.error().describe();
  return state.value_or(MountState());
}

// Every key of the first with its value is in the second.
void expectKept(const std::string& before, const std::string& after) {
  const Json then = Json::parse(before);
  const Json now = Json::parse(after);
  for (const auto& [key, value] : then.items()) {
    if (key == "efsmountSchema") continue;
    // A count of nothing is left out.
    if (key == "unmount_count" && value == 0) continue;
    ASSERT_TRUE(now.contains(key)) << key;
    EXPECT_EQ(now[key], value) << key;
  }
}

// UP-1
TEST(StateSchema, OlderFilesKeepEverythingAndGetOurNumber) {
  for (const char* name : {"efs-utils-3.2.0.json", "efsmount-0.json"}) {
    const std::string text = fileText(name);
    const MountState state = read(text);
    EXPECT_EQ(state.schema, 0) << name;
    EXPECT_EQ(state.fs_id, "fs-0123456789abcdef0") << name;
    EXPECT_EQ(state.unmount_count, 2) << name;
    const std::string again = state.serialize();
    expectKept(text, again);
    EXPECT_EQ(read(again).schema, kStateSchema) << name;
  }
}

TEST(StateSchema, NewerFilesKeepWhatWeDoNotKnowAndTheirNumber) {
  const std::string text = fileText("efsmount-99.json");
  MountState state = read(text);
  EXPECT_EQ(state.schema, 99);
  EXPECT_EQ(state.service_type, "s3files");
  state.pid = 4712;  // what a watchdog changes
  Json changed = Json::parse(text);
  changed["pid"] = 4712;
  const std::string again = state.serialize();
  expectKept(changed.dump(), again);
  EXPECT_EQ(read(again).schema, 99);
}

// Whoever adds a key raises kStateSchema and adds a file: older versions are tested with it.
TEST(StateSchema, TheFileOfOurNumberHasEachKeyThatWeWrite) {
  const std::string text = fileText("efsmount-" + std::to_string(kStateSchema) + ".json");
  ASSERT_FALSE(text.empty());
  EXPECT_EQ(Json::parse(read(text).serialize()), Json::parse(text));
  EXPECT_EQ(read(text).unknown_keys, "{}");
  MountState all = read(text);
  all.unmount_count = 1;
  EXPECT_EQ(Json::parse(all.serialize()).size(), Json::parse(text).size());
}

TEST(StateSchema, ANewMountBearsOurNumber) {
  EXPECT_EQ(read(MountState().serialize()).schema, kStateSchema);
  EXPECT_FALSE(MountState::parse(R"({"efsmountSchema":"one"})", "x"));
}

}  // namespace
}  // namespace efs::state
