#include "efs/base/programs.h"

#include <sys/stat.h>
#include <unistd.h>

#include "efs/base/ask_child.h"
#include "efs/base/files.h"
#include "efs/base/text.h"
#include "efs/base/users_file.h"

namespace efs {

bool isProgram(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) &&
         ::access(path.c_str(), X_OK) == 0;
}

std::string findProgram(std::string_view name, std::string_view directories) {
  for (const auto& directory : split(directories, ':')) {
    if (directory.empty() || directory.front() != '/') continue;
    std::string path = directory + "/";
    if (isProgram(path.append(name))) return path;
  }
  return {};
}

Result<std::string> findUsersProgram(std::string_view name, std::string_view directories) {
  const auto look = [&](int out) {
    return writeAll(out, findProgram(name, directories), "answer") ? 0 : 1;
  };
  const auto asked = askChild(kUsersFilePatience, look, {.heeds_noticed_interrupt = true});
  if (!asked) return findProgram(name, directories);
  EFS_CHECK(
      asked->exited("looking for " + std::string(name) + " in " + printable(directories, 1000)));
  return asked->text;
}

}  // namespace efs
