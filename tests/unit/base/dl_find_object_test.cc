#include <dlfcn.h>
#include <gtest/gtest.h>

#ifdef DLFO_STRUCT_HAS_EH_DBASE

// NOLINTNEXTLINE(bugprone-reserved-identifier): ld's name
extern "C" int __wrap__dl_find_object(void* address, dl_find_object* found);

namespace efs {
namespace {

void here() {}

TEST(DlFindObject, TellsOfCodeWhatGlibcTells) {
  for (void* code : {reinterpret_cast<void*>(&here), ::dlsym(RTLD_DEFAULT, "printf")}) {
    dl_find_object ours{};
    dl_find_object theirs{};
    ASSERT_EQ(::_dl_find_object(code, &theirs), 0);
    ASSERT_EQ(__wrap__dl_find_object(code, &ours), 0);
    EXPECT_EQ(ours.dlfo_eh_frame, theirs.dlfo_eh_frame);
    EXPECT_LE(ours.dlfo_map_start, code);
    EXPECT_GT(ours.dlfo_map_end, code);
  }
}

TEST(DlFindObject, KnowsNothingOfWhatIsNoCode) {
  dl_find_object found{};
  int on_the_stack = 0;
  EXPECT_EQ(__wrap__dl_find_object(&on_the_stack, &found), -1);
  EXPECT_EQ(__wrap__dl_find_object(nullptr, &found), -1);
}

}  // namespace
}  // namespace efs

#endif
