#include "request/option_spelling.h"

#include <gtest/gtest.h>

namespace efs::mount_helper {
namespace {

std::string hint(const char* options) { return spellingHint(mounts::OptionList::parse(options)); }

TEST(SpellingHint, NamesTheWordAndWhatWasMeant) {
  EXPECT_EQ(hint("ro,accespoint=fsap-1"),
            "\"accespoint\" is no option of efs or nfs, did you mean \"accesspoint\"?");
  EXPECT_EQ(hint("tsl,nconect=4"),
            "\"tsl\" is no option of efs or nfs, did you mean \"tls\"?; "
            "\"nconect\" is no option of efs or nfs, did you mean \"nconnect\"?");
  EXPECT_EQ(hint("IAM"), "\"IAM\" is no option of efs or nfs, did you mean \"iam\"?");
}

TEST(SpellingHint, StopsAfterThree) {
  const std::string text = hint("tsl,nconect=4,accespoint=x,regoin=y");
  EXPECT_NE(text.find("accespoint"), std::string::npos);
  EXPECT_EQ(text.find("regoin"), std::string::npos);
}

TEST(SpellingHint, IsSilentAboutKnownWordsAndAboutStrangers) {
  EXPECT_EQ(hint("rw,suid,exec,hard,sec=sys,fsc,ac,noac,_netdev,x-systemd.automount,nfsvers=4.1,"
                 "timeo=600"),
            "");
  EXPECT_EQ(hint("frobnicate=1"), "");
  EXPECT_EQ(hint(""), "");
}

}  // namespace
}  // namespace efs::mount_helper
