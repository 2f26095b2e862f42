#include "efs/procfs/processes.h"

#include <filesystem>

#include "efs/base/files.h"
#include "efs/base/text.h"

namespace efs::procfs {

std::string ofProcess(pid_t pid, std::string_view entry, const std::string& proc) {
  std::string path = proc + "/" + std::to_string(pid) + "/";
  return path.append(entry);
}

Status forEachProcess(const std::function<bool(pid_t)>& visit, const std::string& proc) {
  std::error_code failed;
  for (std::filesystem::directory_iterator it(proc, failed), end; !failed && it != end;
       it.increment(failed)) {
    const auto pid = parseInt(it->path().filename().string());
    if (pid && !visit(static_cast<pid_t>(*pid))) return {};
  }
  if (failed) return Error::fromErrno(failed.value(), "listing " + proc);
  return {};
}

Result<std::string> processName(pid_t pid, const std::string& proc) {
  EFS_TRY(text, readFile(ofProcess(pid, "comm", proc), 64));
  return std::string(trim(text));
}

std::optional<std::string> statusField(pid_t pid, std::string_view field, const std::string& proc) {
  const auto status = readFile(ofProcess(pid, "status", proc));
  if (!status) return std::nullopt;
  for (const auto& line : split(*status, '\n')) {
    const std::string_view text(line);
    if (text.substr(0, field.size()) != field) continue;
    if (text.substr(field.size(), 1) == ":")
      return std::string(trim(text.substr(field.size() + 1)));
  }
  return std::nullopt;
}

}  // namespace efs::procfs
