// ini-dump FILE... -- KEY...: what IniFile makes of each file, for configparser_test.py.
//   "file <name>", then "refused" or for each section "section <hex>" and for each key that it has
//   "<key> <hex of the value>" or "<key> error".
#include <cstddef>
#include <cstdio>
#include <string>
#include <vector>

#include "efs/base/text.h"
#include "efs/settings/ini_file.h"

namespace {

void dumpSection(const efs::settings::IniFile& file, const std::string& section,
                 const std::vector<std::string>& keys) {
  std::printf("section %s\n", efs::hex(section).c_str());
  for (const auto& key : keys) {
    const auto value = file.find(section, key);
    if (!value) {
      std::printf("%s error\n", key.c_str());
    } else if (*value) {
      std::printf("%s =%s\n", key.c_str(), efs::hex(**value).c_str());
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  std::vector<std::string> files;
  std::size_t at = 0;
  for (; at < words.size() && words[at] != "--"; ++at) files.push_back(words[at]);
  const std::vector<std::string> keys(words.begin() + static_cast<std::ptrdiff_t>(at), words.end());
  for (const auto& path : files) {
    std::printf("file %s\n", path.c_str());
    const auto file = efs::settings::IniFile::load(path);
    if (!file) {
      std::printf("refused\n");
      continue;
    }
    for (const auto& section : file->sections()) dumpSection(*file, section, keys);
  }
  return 0;
}
